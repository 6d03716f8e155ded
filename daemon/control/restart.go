package control

import (
	"context"
	"net/http"
)

const callRestart = "POST /v1/restart"

// Restarts is an optional interface of a Daemon: to make way for the program that
// is installed now.
type Restarts interface {
	// CheckProgram returns why that program could not take this one's place.
	CheckProgram(ctx context.Context) error
	// Replace begins to do it. It does not wait.
	Replace()
}

// Restart asks the daemon to make way for the program that is installed now. When
// it returns nil the daemon begins to end.
func (c *Client) Restart(ctx context.Context) error {
	return c.call(ctx, callRestart, commandTimeout, nothing{}, &nothing{})
}

// restartRoutes is the call to restart.
func restartRoutes(d Restarts) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callRestart: func(w http.ResponseWriter, r *http.Request) {
			done := perform(w, r, func(ctx context.Context, _ nothing) (nothing, error) {
				return nothing{}, d.CheckProgram(ctx)
			})
			if !done {
				return
			}
			_ = http.NewResponseController(w).Flush() // the answer leaves before the daemon begins to end
			d.Replace()
		},
	}
}
