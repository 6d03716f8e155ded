package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
)

func newLogout(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "logout",
		Short: "End the session on the server and erase it here",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			err := e.onAccount(c, account, "Signing out …", (*control.Client).SignOut, (*home.Home).SignOut)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.stdout, "Signed out; nothing is left here.")
			return err
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	return c
}

func newReauth(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "reauth",
		Short: "Renew the session now, by refresh or else by the stored password or the browser",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if e.signsInByOpenID(c.Context(), account) {
				return e.renewOpenID(c.Context(), account)
			}
			err := e.onAccount(c, account, "Renewing the session …", (*control.Client).Reauthenticate, (*home.Home).Reauthenticate)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.stdout, "The session is renewed.")
			return err
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	return c
}

// onAccount acts through the running daemon, or here if there is none.
func (e *env) onAccount(c *cobra.Command, account, progress string,
	there func(*control.Client, context.Context, string) error, here func(*home.Home, context.Context, string) error) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	return e.while(progress, func() error {
		if err := there(client, c.Context(), account); !isNoDaemon(err) {
			return err
		}
		h, err := e.home(c.Context())
		if err != nil {
			return err
		}
		return here(h, c.Context(), account)
	})
}
