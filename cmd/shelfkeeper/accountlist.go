package main

import (
	"context"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
)

// listed is an account as `account list` prints it.
type listed struct {
	Name          string `json:"name"`
	Server        string `json:"server"`
	ServerVersion string `json:"server_version"`
	User          string `json:"user"`
	Method        string `json:"method"`
	ProxyURL      string `json:"proxy_url"`
	Store         string `json:"store"`
}

func newAccountList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the accounts that are here; the daemon need not run",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := e.home(c.Context())
			if err != nil {
				return err
			}
			all, err := h.List()
			if err != nil {
				return err
			}
			list := []listed{}
			for _, a := range all {
				list = append(list, listed{a.Shown(), a.Server, a.ServerVersion, a.Username, string(a.Method), a.ProxyURL(), a.Store})
			}
			switch {
			case e.json:
				return e.writeJSON(map[string]any{"accounts": list})
			case len(list) == 0:
				return home.NoSuchAccount(h.Book, "")
			}
			var rows [][]string
			for _, a := range list {
				rows = append(rows, []string{a.Name, a.User, a.Server, a.ProxyURL, a.Method, a.Store})
			}
			return e.table([]string{"NAME", "USER", "SERVER", "PLAYERS USE", "SIGNED IN BY", "KEPT IN"}, rows)
		},
	}
}

func newAccountRename(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "rename NAME NEW",
		Short: "Give an account another name; everything of it stays as it is",
		Long: `Gives an account another name. Its session, its players and their grants, its
port and its history stay as they are. The old name still works in scripts and in
config.toml, and no other account can take it.`,
		Example: "  shelfkeeper account rename books-example-org-alice home",
		Args:    twoArgs("the account's name and a new one"),
		RunE: func(c *cobra.Command, args []string) error {
			err := e.onAccount(c, args[0], "Renaming the account …",
				func(client *control.Client, ctx context.Context, account string) error {
					return client.Rename(ctx, account, args[1])
				},
				func(h *home.Home, ctx context.Context, account string) error {
					_, err := h.Rename(ctx, account, args[1])
					return err
				})
			if err != nil {
				return err
			}
			return e.done("%s is called %s from now on.", args[0], args[1])
		},
	}
}

func newAccountRemove(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "End the account's session on the server and erase it here, as logout does",
		Args:  oneArg("the account's name"),
		RunE: func(c *cobra.Command, args []string) error {
			err := e.onAccount(c, args[0], "Signing out …", (*control.Client).SignOut, (*home.Home).SignOut)
			if err != nil {
				return err
			}
			return e.done("%s is signed out; nothing is left here.", args[0])
		},
	}
}
