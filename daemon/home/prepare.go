package home

import (
	"context"

	"shelfkeeper/daemon/control"
	"shelfkeeper/keychain"
)

// Prepare does what comes in a sign-in before a person types a name and a password:
// it finds the server, and opens the vault that is to keep the session. Nothing
// secret leaves. token says that an API key or a token follows, not a password. Its
// error is a *problem.Problem.
func (h *Home) Prepare(ctx context.Context, req control.SignInRequest, token bool) (err error) {
	ended := h.beginUse()
	defer func() { ended(err != nil) }()
	ctx, cancel := context.WithTimeout(keychain.WithNewKeyring(WithPassphrase(ctx, req.Passphrase)), signInDeadline)
	defer cancel()
	m := byPassword
	if token {
		m = byAPIKey
	}
	_, err = h.beginSignIn(ctx, req, m)
	return err
}
