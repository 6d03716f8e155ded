package home

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/hostname"
)

// providerDeadline bounds the question whether a provider answers. A person waits for
// its page meanwhile.
const providerDeadline = 3 * time.Second

// providerTrouble says that the provider of a page does not answer this machine; empty
// where anything answers. The browser may reach it by another way, so it is only a note.
func (h *Home) providerTrouble(ctx context.Context, account, page string) string {
	ctx, cancel := context.WithTimeout(ctx, providerDeadline)
	defer cancel()
	base, err := url.Parse(page)
	if err != nil {
		return ""
	}
	base = &url.URL{Scheme: base.Scheme, Host: base.Host}
	up, err := h.reach(account, base, false)
	if err != nil {
		return ""
	}
	defer up.Close()
	conn := up.Private()
	defer conn.Close()
	_, err = absapi.New(conn, base).Status(ctx)
	if err == nil || absapi.AsError(err).Status != 0 {
		return ""
	}
	return fmt.Sprintf("the provider %s does not answer this machine (%s); if your browser cannot open its page either, it is down: ask its "+
		"admin", hostname.ShownName(base.Host), absapi.AsError(err).Evidence)
}
