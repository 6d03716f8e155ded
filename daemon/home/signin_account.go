package home

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

// accountFor returns the account that a session of that user belongs to: the
// named one, the one of the same user id, so that a user renamed on the server
// keeps port and grant, or the one of the same name, so that a server whose
// database was lost keeps them too. Otherwise it is a new one with a new name.
func (in *signIn) accountFor(got signin.Obtained) accounts.Account {
	h, server := in.home, in.server.Base.String()
	if in.req.Account != "" {
		if a, ok := h.Book.Get(in.req.Account); ok {
			return a
		}
		return accounts.Account{Name: in.req.Account}
	}
	for _, a := range h.Book.All() {
		if got.UserID != "" && a.UserID == got.UserID && in.here[a.Name] {
			return a
		}
	}
	if a, ok := h.Book.Find(server, got.Username); ok {
		return a
	}
	return accounts.Account{Name: h.Book.NameFor(server, got.Username)}
}

// accountName is accountFor for a sign-in that may be meant for one user only.
// Its error ends the new session on the server.
func (in *signIn) accountName(got signin.Obtained) (string, error) {
	a := in.accountFor(got)
	if in.sameUser && a.UserID != got.UserID {
		return "", problem.Newf(problem.Rejected, "sign out at the provider and try again, or add the other user as an account of "+
			"its own: `shelfkeeper login`",
			"the provider signed in %s, and the account %s is %s's", got.Username, a.Name, a.Username)
	}
	if in.replaces(a, got) && !in.req.Replace {
		return "", replaceProblem(a, fmt.Sprintf("%s on %s", got.Username, in.server.Base))
	}
	return a.Name, nil
}

// replaces reports whether the account was another user's or another server's
// until now.
func (in *signIn) replaces(a accounts.Account, got signin.Obtained) bool {
	if a.Server == "" {
		return false // a new one
	}
	sameID := a.UserID == got.UserID && in.here[a.Name]
	sameName := strings.EqualFold(a.Username, got.Username) && sameOrigin(a.Server, in.server.Base)
	return !sameID && !sameName
}

// checkReplaced refuses, before anything secret leaves, to put the session of
// another server in the place of an account.
func (in *signIn) checkReplaced() error {
	a, ok := in.home.Book.Get(in.req.Account)
	if !ok || in.here[a.Name] || in.req.Replace {
		return nil
	}
	return replaceProblem(a, in.server.Base.String())
}

func replaceProblem(a accounts.Account, by string) error {
	return problem.Newf(problem.Usage,
		"choose another name with --account, or add --replace: it signs the old account out and takes its players' access away",
		"the account %s is %s on %s, not %s", a.Name, a.Username, a.Server, by)
}

// accountsOn returns the names of the accounts whose server is at base, under
// this address or another one of the same machine.
func (h *Home) accountsOn(ctx context.Context, base *url.URL) map[string]bool {
	here := map[string]bool{}
	for _, a := range h.Book.All() {
		if u, err := url.Parse(a.Server); err == nil && sameServer(ctx, u, base) {
			here[a.Name] = true
			h.shareBudget(base, u)
		}
	}
	return here
}

// endOld ends the session that the account had at another address, or on
// another server, before this sign-in. A session of the same address was ended
// by the sign-in itself.
func (in *signIn) endOld(ctx context.Context, old keychain.Record, replaced bool) error {
	base, err := url.Parse(old.Server)
	if err != nil {
		return redact.Error(err)
	}
	if !replaced {
		base = in.server.Base // the same server, which may answer no more at the old address
	}
	up, err := in.home.reach(old.Account, base, true)
	if err != nil {
		return err
	}
	defer up.Close()
	conn := up.Private()
	defer conn.Close()
	for _, token := range append(old.Spares(), old.Refresh) {
		if token.IsEmpty() {
			continue
		}
		if err := signin.Logout(ctx, absapi.New(conn, base), token); err != nil {
			return err
		}
	}
	if old.EmergencyKey.IsEmpty() {
		return nil
	}
	return signin.EndKey(ctx, absapi.New(conn, base), old.EmergencyKey, old.Access)
}
