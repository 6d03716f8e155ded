package signin

import (
	"context"
	"errors"
	"fmt"
	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"time"
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
