package home

import (
	"context"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/upstream"
)

// proofDeadline bounds the question whether renewals pass. The session is kept by then,
// and a person waits.
const proofDeadline = 10 * time.Second

// proveRenewal says what will keep the session from being renewed, "" for nothing: a
// gateway may let everything pass but /auth/refresh, and that would show an hour later.
// No token is presented, so that none can be lost, and it is as good for a session that
// nothing brings back. It is asked only while the server's sign-in limit has room.
func (in *signIn) proveRenewal(ctx context.Context, up *upstream.Upstream) (warning string) {
	base := in.server.Base
	if in.method.kind != byPassword.kind && in.method.kind != byOpenID.kind || !absapi.SupportsRefresh(in.server.Version) {
		return ""
	}
	if wait, err := in.home.budget(base).Background().Take(time.Now()); err != nil || wait > 0 {
		return "" // what a renewal may need comes first
	}
	ctx, cancel := context.WithTimeout(ctx, proofDeadline)
	defer cancel()
	conn := up.Private()
	defer conn.Close()
	client := absapi.New(conn, base)
	err := client.RefreshPasses(ctx)
	if err == nil {
		return ""
	}
	switch e := absapi.AsError(err); {
	case e.Verdict == absapi.HeaderEaten:
		if wait, err := in.home.budget(base).Background().Take(time.Now()); err == nil && wait == 0 && !client.TokenHeard(ctx) {
			return "a gateway removes x-refresh-token and the server's cookie, so that the session cannot be renewed, and ends within an " +
				"hour by default; " + health.HeaderEaten.Remedy
		}
		return "a gateway removes x-refresh-token, so that the session is renewed with a cookie; " + health.HeaderEaten.Remedy
	case e.Verdict == absapi.Temporary && e.Status != 0:
		return "the session cannot be renewed, and ends within an hour by default: " + e.Evidence + "; " +
			health.For(in.account.Shown(), e.Remedy) // it is here by now
	}
	return "" // a moment's trouble, or a limit: the first renewal will show
}
