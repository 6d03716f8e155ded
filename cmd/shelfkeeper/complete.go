package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/players"
)

// completeWithin is how long a shell waits for names: a person is typing.
const completeWithin = 2 * time.Second

// completions says what a shell offers for arguments and flags: accounts, grants,
// scopes, stores, releases.
func (e *env) completions(root *cobra.Command) {
	accounts := func(*cobra.Command, []string) []string { return e.accountNames() }
	grants := func(c *cobra.Command, _ []string) []string { return e.grantNames(c) }
	flags := map[string]func(*cobra.Command, []string) []string{
		"account": accounts,
		"scope":   fixed(string(players.ScopeListen), string(players.ScopeFull), string(players.ScopeAdmin)),
		"store":   fixed("os", "file"),
		"release": func(*cobra.Command, []string) []string { return releases() },
		"until":   fixed("tomorrow", "30m", "2h"),
	}
	args := map[string]func(*cobra.Command, []string) []string{
		"account set": accounts, "account show": accounts, "account rename": accounts, "account remove": accounts,
		"pause": accounts, "resume": accounts, "doctor": accounts,
		"players revoke": grants, "players trust": grants,
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for name, offer := range flags {
			if c.Flags().Lookup(name) != nil {
				_ = c.RegisterFlagCompletionFunc(name, offered(offer)) // it errs only for a flag that is not there
			}
		}
		path := strings.TrimPrefix(c.CommandPath(), root.Name()+" ")
		if offer, ok := args[path]; ok {
			c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				if len(args) > 0 {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return offer(c, args), cobra.ShellCompDirectiveNoFileComp
			}
		} else if c.ValidArgsFunction == nil && !c.HasSubCommands() {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "completion" {
				walk(sub)
			}
		}
	}
	walk(root)
}

func offered(offer func(*cobra.Command, []string) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return offer(c, args), cobra.ShellCompDirectiveNoFileComp
	}
}

func fixed(words ...string) func(*cobra.Command, []string) []string {
	return func(*cobra.Command, []string) []string { return words }
}

func releases() (names []string) {
	for _, r := range absfake.Releases() {
		names = append(names, string(r))
	}
	return names
}

// grantNames asks the daemon, or reads the files: never a keychain or a server.
func (e *env) grantNames(c *cobra.Command) (names []string) {
	ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
	defer cancel()
	client, err := e.client()
	if err != nil {
		return nil
	}
	list, err := client.Players(ctx, "")
	if isNoDaemon(err) {
		var h *home.Home
		if h, err = e.home(ctx); err == nil {
			list, err = h.Players(ctx, "")
		}
	}
	if err != nil {
		return nil
	}
	for _, p := range list {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
