package home

import (
	"context"
	"net"
	"net/url"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/daemon/upstream"
)

// recogniseDeadline bounds the question whether an account's server is the one that was
// signed in to. A new session waits for it.
const recogniseDeadline = 3 * time.Second

// recognise finds accounts of the same user whose server moved to another address: the
// user's id is the same, and the old address lists the session that the new one has
// just begun. A copy of a server has the same ids and takes the same tokens, but it
// does not know that session. Releases before 2.36 list none.
//
// The new session's tokens go to an address that the user has signed in to. Nothing of
// the old session goes to the new address.
func (in *signIn) recognise(ctx context.Context, got signin.Obtained) {
	if got.UserID == "" || got.Pair.Refresh.Secret.IsEmpty() || !absapi.SupportsSessions(in.server.Version) {
		return
	}
	for _, a := range in.home.Book.All() {
		if a.UserID != got.UserID || in.here[a.Name] || in.req.Account != "" && in.req.Account != a.Name {
			continue
		}
		if in.lists(ctx, a, got) {
			in.here[a.Name] = true
		}
	}
}

// lists reports whether the account's own address lists the new session.
func (in *signIn) lists(ctx context.Context, a accounts.Account, got signin.Obtained) bool {
	ctx, cancel := context.WithTimeout(ctx, recogniseDeadline)
	defer cancel()
	base, err := url.Parse(a.Server)
	if err != nil {
		return false
	}
	if ok, _ := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, base); !ok && !a.AllowHTTP {
		return false
	}
	up, err := in.home.reach(a.Name, base, true)
	if err != nil {
		return false
	}
	defer up.Close()
	conn := up.Private()
	defer conn.Close()
	list, err := absapi.New(conn, base).Sessions(ctx, got.Pair.Access.Secret, got.Pair.Refresh.Secret)
	if err != nil {
		return false // it may answer there no more: then this is another account
	}
	for _, s := range list {
		if s.Current {
			return true
		}
	}
	return false
}
