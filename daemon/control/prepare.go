package control

import (
	"context"
	"net/http"
)

const callPrepare = "POST /v1/prepare"

// Preparing is an optional interface of a Daemon: to find out whether a sign-in can
// succeed before a person types a name and a password for it.
type Preparing interface {
	// Prepare finds the server, and opens the vault. token says that an API key or a
	// token follows, not a password.
	Prepare(ctx context.Context, req SignInRequest, token bool) error
}

// prepareWire is the body of prepare.
type prepareWire struct {
	SignIn signInWire `json:"sign_in"`
	Token  bool       `json:"token"`
}

// Prepare finds out whether a sign-in can succeed, before a person types anything: it
// finds the server and opens the vault. in needs no name and password. token says
// that an API key or token follows, not a password.
func (c *Client) Prepare(ctx context.Context, in SignInRequest, token bool) error {
	wire, err := wireOf(in)
	if err != nil {
		return err
	}
	return c.call(ctx, callPrepare, commandTimeout, prepareWire{wire, token}, nil)
}

// prepareRoutes are the calls of Preparing.
func prepareRoutes(p Preparing) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		callPrepare: unlogged(func(ctx context.Context, in prepareWire) (nothing, error) {
			req, err := in.SignIn.request()
			if err != nil {
				return nothing{}, err
			}
			return nothing{}, p.Prepare(ctx, req, in.Token)
		}),
	}
}
