package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
)

// ErrNotToldServer: the secrets are erased here, but the server keeps the
// session until it expires.
var ErrNotToldServer = errors.New("signed out here, but the server could not be told")

const logoutDeadline = 10 * time.Second

// Logout ends the session of token at the server. Its error wraps
// ErrNotToldServer.
func Logout(ctx context.Context, client *absapi.Client, token redact.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, logoutDeadline)
	defer cancel()
	if _, err := client.Logout(ctx, token); err != nil {
		return fmt.Errorf("%w: %w", ErrNotToldServer, err)
	}
	return nil
}

// LogoutOfUser is Logout where a person waits for the truth. A gateway can keep the token
// from the server although the server answers: that is asked for while the server's limit
// of sign-ins has room.
func LogoutOfUser(ctx context.Context, client *absapi.Client, limit *budget.Budget, token redact.Secret) error {
	if err := Logout(ctx, client, token); err != nil {
		return err
	}
	if wait, err := limit.Take(time.Now()); err != nil || wait > 0 {
		return nil // it was told, and most gateways pass what they are told
	}
	ctx, cancel := context.WithTimeout(ctx, logoutDeadline)
	defer cancel()
	if !client.TokenHeard(ctx) {
		return fmt.Errorf("%w: %w", ErrNotToldServer, absapi.ErrUnheard)
	}
	return nil
}
