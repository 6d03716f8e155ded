package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
)

// playerBook is a running daemon, or the files where none runs.
type playerBook interface {
	Players(ctx context.Context, account string) ([]control.Player, error)
	AddPlayer(ctx context.Context, account, name, scope string) (control.NewPlayer, error)
	TrustPlayer(ctx context.Context, account, player, origin string) error
	RevokePlayer(ctx context.Context, account, player string) error
}

func newPlayers(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "players",
		Short: "Say which programs may use an account, and how much of it",
		Long: `Programs of your own user need no password to listen. A program gets a grant if
it insists on a password, API key or token, runs as another user or in a
container, or may do more than listen. A grant is one secret that serves as
password, API key and token. It works at the local address only, and ends when
you revoke it.`,
		Args: noArgs,
		RunE: e.group,
	}
	c.AddCommand(newPlayersAdd(e), newPlayersTrust(e), newPlayersList(e), newPlayersRevoke(e))
	return c
}

func newPlayersList(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "list",
		Short: "Show which grants there are and when they were used last",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.withPlayers(c, func(ctx context.Context, book playerBook) error {
				list, err := book.Players(ctx, account)
				switch {
				case err != nil:
					return err
				case e.json:
					return e.writeJSON(map[string]any{"players": append([]control.Player{}, list...)})
				case len(list) == 0:
					_, err := fmt.Fprintln(e.stdout, "No grants. Programs of your own user need none.")
					return err
				}
				return e.showPlayers(list, time.Now())
			})
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the one account to list")
	return c
}

func (e *env) showPlayers(list []control.Player, now time.Time) error {
	var rows [][]string
	for _, p := range list {
		used := "never"
		if !p.LastUsed.IsZero() {
			used = ago(now, health.At(p.LastUsed))
		}
		rows = append(rows, []string{p.Account, p.Name, p.Scope, p.Kind, p.Created.Local().Format("2006-01-02 15:04"), used, p.ID})
	}
	return e.table([]string{"ACCOUNT", "NAME", "SCOPE", "KIND", "MADE", "LAST USED", "ID"}, rows)
}

func newPlayersTrust(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "trust NAME ORIGIN",
		Short: "Let a program in a webview come in with a grant",
		Long: `Programs that are pages in a webview (Electron, Tauri, Obsidian) send an origin,
and their images and sounds carry no token. What your program sends for pages of
ORIGIN is served as if it presented the grant NAME, to listen.
Never trust the page of a website. config.toml's trusted_origins does the same for
every account, without a grant.`,
		Example: "  shelfkeeper players trust obsidian app://obsidian.md",
		Args:    twoArgs("the name of a grant and an origin"),
		RunE: func(c *cobra.Command, args []string) error {
			return e.withPlayers(c, func(ctx context.Context, book playerBook) error {
				if err := book.TrustPlayer(ctx, account, args[0], args[1]); err != nil {
					return err
				}
				return e.done("Pages of %s come in as %s.", args[1], args[0])
			})
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	return c
}

func newPlayersRevoke(e *env) *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take a grant away, by its name or id; what it was used for ends at once",
		Args:  oneArg("the name or id of a grant"),
		RunE: func(c *cobra.Command, args []string) error {
			return e.withPlayers(c, func(ctx context.Context, book playerBook) error {
				if err := book.RevokePlayer(ctx, account, args[0]); err != nil {
					return err
				}
				return e.done("%s has no access any more.", args[0])
			})
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	return c
}

// withPlayers acts through the running daemon, or on the files if there is
// none.
func (e *env) withPlayers(c *cobra.Command, act func(context.Context, playerBook) error) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	if err := act(c.Context(), client); !isNoDaemon(err) {
		return err
	}
	home, err := e.home(c.Context())
	if err != nil {
		return err
	}
	return act(c.Context(), home)
}
