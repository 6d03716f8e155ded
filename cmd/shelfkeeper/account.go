package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
)

func newLogout(e *env) *cobra.Command {
	var account string
	var forget bool
	c := &cobra.Command{
		Use:   "logout",
		Short: "End the session on the server and erase it here",
		Long: `Ends the session on the server and erases it here.

With --forget the account is forgotten here although its keychain or passphrase
is gone: the server is not told, and what the keychain holds stays there.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if forget {
				return e.forget(c, account)
			}
			err := e.onAccount(c, account, "Signing out …", (*control.Client).SignOut, (*home.Home).SignOut)
			if err != nil {
				return err
			}
			return e.done("Signed out; nothing is left here.")
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().BoolVar(&forget, "forget", false, "forget the account without its keychain or passphrase, and without telling the server")
	return c
}

// forget forgets an account without its vault, and says what that means.
func (e *env) forget(c *cobra.Command, account string) error {
	var said []string
	err := e.onAccount(c, account, "Forgetting the account …",
		func(client *control.Client, ctx context.Context, account string) (err error) {
			said, err = client.Forget(ctx, account)
			return err
		},
		func(h *home.Home, ctx context.Context, account string) (err error) {
			said, err = h.Forget(ctx, account)
			return err
		})
	if err != nil {
		return err
	}
	return e.done("%s", strings.Join(said, "\n"))
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
