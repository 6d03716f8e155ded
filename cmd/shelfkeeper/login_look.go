package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/upstream"
)

// lookFirst finds the server of a new account before a person types a name and a
// password for it: a slip in the address is told at once, and a certificate that nobody
// vouches for is asked about.
func (e *env) lookFirst(c *cobra.Command, req *control.SignInRequest, how credentials, oidc bool) error {
	_, typing := e.terminal()
	if _, _, there := e.account(req.Account); !typing || req.Account != "" && there || how.password && req.Username != "" {
		return nil // nobody is asked, or the account's own way to the server is for the sign-in to find
	}
	h, err := e.home(c.Context())
	if err != nil {
		return err
	}
	look := func() error {
		server, plain, _, err := h.Look(c.Context(), req.Server, req.Gateway)
		if err == nil && plain != "" && !req.AllowHTTP && !oidc { // OpenID has words of its own for that
			return problem.Newf(problem.Usage, "use https, or accept it with --allow-http",
				"the password would travel unencrypted to %s: %s", server.Base.Host, plain)
		}
		return err
	}
	err = e.while("Looking for the server …", look)
	if pinned, asked := e.askPin(c.Context(), req, err); asked != nil {
		return asked
	} else if pinned {
		return e.while("Looking for the server …", look)
	}
	return err
}

// askPin asks whether the one certificate that a server shows is trusted, where that is
// all that keeps it from being used. A yes is kept when the sign-in succeeds.
func (e *env) askPin(ctx context.Context, req *control.SignInRequest, failure error) (yes bool, err error) {
	var found *absapi.DiscoverError
	if !errors.As(failure, &found) || found.Unvouched == nil {
		return false, nil
	}
	var question strings.Builder
	for _, f := range found.Unvouched.Facts() {
		fmt.Fprintf(&question, "%-21s%s\n", f.Label+":", f.Value)
	}
	if yes, err = e.confirm(ctx, question.String()+absapi.PinQuestion); yes {
		req.Gateway.Pin = &upstream.Pin{SHA256: found.Unvouched.SHA256}
	}
	return yes, err
}
