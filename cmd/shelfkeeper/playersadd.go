package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/programs"
)

func newPlayersAdd(e *env) *cobra.Command {
	var account, scope, program string
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a grant and print its secret, once",
		Long: `Makes a grant for the program NAME and prints its secret, which cannot be shown
again. Scopes:
  listen  read, stream, and the user's own progress and playback sessions
  full    all that the web page does for a user; it edits and deletes items too,
          as far as the account may
  admin   users, API keys, settings and backups too, if the account may
--for sets the scope that a program needs, and prints what to fill in there, under
the program's own names. docs/players.md lists the programs.`,
		Example: "  shelfkeeper players add \"Music Assistant\" --for music-assistant\n  shelfkeeper players add script --scope full",
		Args:    oneArg("a name for the program"),
		RunE: func(c *cobra.Command, args []string) error {
			var p *programs.Program
			if c.Flags().Changed("for") {
				found, ok := programs.Find(program)
				if !ok {
					return unknownProgram(c, program)
				}
				p = &found
				if !c.Flags().Changed("scope") {
					scope = p.GrantScope()
				}
			}
			if _, err := players.ParseScope(scope); err != nil {
				return usage(c, err)
			}
			return e.withPlayers(c, func(ctx context.Context, book playerBook) error {
				made, err := book.AddPlayer(ctx, account, args[0], scope)
				if err != nil {
					return err
				}
				return e.showNewPlayer(args[0], scope, made, p, missing(ctx, book, p, made.Account, scope))
			})
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account, if there are several")
	c.Flags().StringVar(&scope, "scope", string(players.ScopeListen), "listen, full or admin")
	c.Flags().StringVar(&program, "for", "", "the `program` that it is for: its scope, and what to fill in there")
	return c
}

// unknownProgram is a mistake, with the programs that are known.
func unknownProgram(c *cobra.Command, name string) error {
	p := usage(c, fmt.Errorf("no program is called %q here", shortened(name)))
	list := programs.Near(name)
	if len(list) == 0 {
		list = programs.IDs()
	}
	p.Remedy = fmt.Sprintf("choose one of %s; `password` and `key` fit any other", strings.Join(list, ", "))
	return p
}

// missing says what p will not do with a grant of that scope for that account.
func missing(ctx context.Context, book playerBook, p *programs.Program, account, scope string) (list []string) {
	if p == nil {
		return nil
	}
	for _, m := range p.Missing(scope) {
		list = append(list, fmt.Sprintf("without --scope %s it goes without %s", m.Scope, m.What))
	}
	live, ok := book.(*control.Client)
	if !ok || !p.NeedsAdmin() || scope != string(players.ScopeAdmin) {
		return list
	}
	snap, err := live.Snapshot(ctx)
	if err != nil {
		return list // the grant is made; that the account may is no more than a hint
	}
	for _, a := range snap.Accounts {
		if a.Name == account && a.User != "" && !a.Admin {
			for _, m := range p.More {
				if m.Scope == string(players.ScopeAdmin) {
					list = append(list, fmt.Sprintf("%s is no administrator at the server, so it goes without %s", a.User, m.What))
				}
			}
		}
	}
	return list
}

// showNewPlayer prints a new grant and, for a program, what to fill in there.
func (e *env) showNewPlayer(name, scope string, made control.NewPlayer, p *programs.Program, missing []string) error {
	var fields []programs.Field
	if p != nil {
		fields = p.Filled(made.ProxyURL, made.Secret.Reveal(), "")
	}
	switch {
	case e.json:
		out := map[string]any{"player": name, "account": made.Account, "proxy_url": made.ProxyURL, "scope": scope, "secret": made.Secret.Reveal()}
		if p != nil {
			lines := make([]map[string]string, 0, len(fields))
			for _, f := range fields {
				lines = append(lines, map[string]string{"name": f.Name, "value": f.Value})
			}
			out["for"], out["fields"] = p.ID, lines
			if len(missing) > 0 {
				out["missing"] = missing
			}
		}
		return e.writeJSON(out)
	case e.quiet:
		_, err := fmt.Fprintln(e.stdout, made.Secret.Reveal())
		return err
	case p == nil:
		_, err := fmt.Fprintf(e.stdout, `%s may use account %s at %s, scope %s.
Its password (under any user name), API key or token, shown once:
  %s
`, name, made.Account, made.ProxyURL, scope, made.Secret.Reveal())
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s may use account %s at %s, scope %s.\nFill in; the secret is shown once:\n", name, made.Account, made.ProxyURL, scope)
	wide := 0
	for _, f := range fields {
		wide = max(wide, len([]rune(f.Name)))
	}
	for _, f := range fields {
		fmt.Fprintf(&b, "  %-*s  %s\n", wide, f.Name, f.Value)
	}
	if p.Note != "" {
		fmt.Fprintln(&b, p.Note)
	}
	for _, m := range missing {
		fmt.Fprintf(&b, "Note: %s.\n", m)
	}
	_, err := io.WriteString(e.stdout, b.String())
	return err
}
