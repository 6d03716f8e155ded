package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/desktop"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
)

func newOpen(e *env) *cobra.Command {
	var account, scope string
	var show, app bool
	c := &cobra.Command{
		Use:   "open",
		Short: "Open Audiobookshelf in the browser, signed in",
		Long: `Opens the server's own web page through the local address, signed in already.
The page holds no real token. Its token works at the local address only, until you
sign out in the page or run "shelfkeeper players revoke". With
--scope admin it can administer the server, if the account may.

--app opens it in a window of its own, like a program of the desktop, where Chromium,
Chrome, Edge, Brave or Vivaldi is installed; else in the browser. Their menu can also
install the page as an app, which comes back signed in.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := players.ParseScope(scope); err != nil {
				return usage(c, err)
			}
			client, err := e.client()
			if err != nil {
				return err
			}
			url, err := client.OpenPage(c.Context(), account, scope)
			switch {
			case isNoDaemon(err):
				return notRunning()
			case err != nil:
				return err
			case show:
				if err := e.address(url); err != nil {
					return err
				}
				return e.offerAdmin(c, client, account, players.Scope(scope))
			}
			openPage := desktop.Open
			if app {
				openPage = openAsApp
			}
			if err := openPage(url); err != nil {
				return problem.New(problem.Other, err,
					"run `shelfkeeper open --print` and open that address within 30 seconds")
			}
			if err := e.did("The server's page is open in the browser."); err != nil {
				return err
			}
			return e.offerAdmin(c, client, account, players.Scope(scope))
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().StringVar(&scope, "scope", string(players.ScopeFull), "full, admin or listen")
	c.Flags().BoolVar(&app, "app", false, "in a window of its own, if a browser of the Chromium family is installed")
	c.Flags().BoolVar(&show, "print", false, "print the address, which works once within 30 seconds, instead of opening it")
	return c
}

// openAsApp opens a page in a window of its own, or else in the browser.
func openAsApp(url string) error {
	err := desktop.OpenApp(url)
	if errors.Is(err, desktop.ErrNoApp) {
		return desktop.Open(url)
	}
	return err
}

// offerAdmin says how an administrator's page opens whole: the menus of its
// settings stay empty with less.
func (e *env) offerAdmin(c *cobra.Command, client *control.Client, account string, scope players.Scope) error {
	if scope == players.ScopeAdmin {
		return nil
	}
	s, err := client.Snapshot(c.Context())
	if err != nil {
		return nil // the page is open
	}
	for _, a := range s.Accounts {
		if a.Admin && (a.Name == account || account == "" && len(s.Accounts) == 1) {
			_, err := fmt.Fprintf(e.stderr, "%s administers this server; for its settings run `shelfkeeper open --scope admin`.\n", a.User)
			return err
		}
	}
	return nil
}
