package home

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/upstream"
)

// gatewayOf returns the settings that a sign-in begins with: those of the account that
// is meant, or of the one account at the host that was typed.
func (h *Home) gatewayOf(ctx context.Context, req control.SignInRequest) (upstream.Gateway, error) {
	account := req.Account
	if account == "" {
		typed := hostOf(req.Server)
		for _, a := range h.Book.All() {
			if u, err := url.Parse(a.Server); err == nil && typed != "" && hostname.Canonical(u.Hostname()) == typed {
				account = a.Name
				break
			}
		}
	}
	g, err := h.gateway(ctx, account)
	if err != nil {
		return g, err
	}
	if g, err = g.With(req.Gateway); err != nil {
		return g, gatewayProblem(err)
	}
	return g, nil
}

// hostOf is the host of an address as a person types it.
func hostOf(typed string) string {
	typed = strings.TrimSpace(typed)
	if !strings.Contains(typed, "://") {
		typed = "https://" + typed
	}
	u, err := url.Parse(typed)
	if err != nil {
		return ""
	}
	return hostname.Canonical(u.Hostname())
}

// bindGateway binds new secrets to the server that was found, before any is kept.
func (in *signIn) bindGateway() error {
	g, err := in.gateway.Bind(in.server.Base)
	if err != nil {
		return gatewayProblem(err)
	}
	in.gateway = g
	return nil
}

// keepGateway keeps the settings that the sign-in went through with. Those of a server
// whose account was replaced belong to nobody any more.
func (in *signIn) keepGateway(ctx context.Context, account string, replaced bool) error {
	g := in.gateway
	if replaced {
		var err error
		if g, err = (upstream.Gateway{}).With(in.req.Gateway); err == nil {
			g, err = g.Bind(in.server.Base)
		}
		if err != nil {
			return fmt.Errorf("keep the gateway's settings: %w", err)
		}
	} else if in.req.Gateway.IsZero() {
		return nil
	}
	return in.home.keepGateway(ctx, account, g)
}
