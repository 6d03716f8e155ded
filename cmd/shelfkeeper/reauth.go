package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
)

func newReauth(e *env) *cobra.Command {
	var account string
	var sameServer bool
	c := &cobra.Command{
		Use:   "reauth",
		Short: "Renew the session now, by refresh or else by the stored password or the browser",
		Long: `Renews the session now: by its refresh token, or else by the stored password or
the browser.

Without https another server may answer at the same address in another network.
Where the server knows nothing of the session, the stored password goes to it only
if you say that it is your server: at the question, or with --same-server.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if e.signsInByOpenID(c.Context(), account) {
				return e.renewOpenID(c.Context(), account)
			}
			if err := e.reauth(c, account, sameServer); err != nil {
				return err
			}
			return e.done("The session is renewed.")
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().BoolVar(&sameServer, "same-server", false,
		"send the stored password although the server does not know the session: it is your server")
	return c
}

// reauth renews a session. A person at a terminal is asked whose server it is
// before a password goes to one that does not know the session.
func (e *env) reauth(c *cobra.Command, account string, sameServer bool) error {
	const progress = "Renewing the session …"
	if !sameServer {
		err := e.onAccount(c, account, progress, (*control.Client).Reauthenticate, (*home.Home).Reauthenticate)
		p := problem.Of(err)
		if _, typing := e.terminal(); p == nil || p.Condition != health.ServerUnrecognised.ID || !typing {
			return err
		}
		fmt.Fprintln(e.stderr, "shelfkeeper: "+p.Text)
		a, _, _ := e.account(account)
		yes, failed := e.confirm(c.Context(), fmt.Sprintf("Is %s your server? Its owner gets the stored password then.", a.Server))
		switch {
		case failed != nil:
			return failed
		case !yes:
			return problem.Newf(problem.NeedsUser, "when you are back in your own network, the session goes on by itself", "no password was sent")
		}
	}
	return e.onAccount(c, account, progress, (*control.Client).ReauthenticateSameServer, (*home.Home).ReauthenticateSameServer)
}
