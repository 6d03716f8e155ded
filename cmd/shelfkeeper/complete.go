package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/programs"
)

// completeWithin is how long a shell waits for names: a person is typing.
const completeWithin = 2 * time.Second

// completions says what a shell offers for arguments and flags: accounts, grants,
// scopes, stores, releases, faults, reports that were set aside.
func (e *env) completions(root *cobra.Command) {
	accounts := func(*cobra.Command, []string) []string { return e.accountNames() }
	grants := func(c *cobra.Command, _ []string) []string { return e.grantNames(c) }
	flags := map[string]func(*cobra.Command, []string) []string{
		"account":   accounts,
		"scope":     fixed(string(players.ScopeListen), string(players.ScopeFull), string(players.ScopeAdmin)),
		"store":     fixed("os", "file"),
		"release":   func(*cobra.Command, []string) []string { return releases() },
		"until":     fixed("tomorrow", "30m", "2h"),
		"since":     fixed("1h", "1d", "7d"),
		"gateway":   fixed(slices.Sorted(maps.Keys(gatewayTemplates))...),
		"remove":    fixed(append([]string{"header:"}, removable...)...),
		"proxy":     fixed("direct"),
		"player":    fixed("mpv", "vlc"),
		"format":    fixed("m3u8", "xspf", "feed", "cover"),
		"log-level": fixed("debug", "info", "warn", "error"),
	}
	args := map[string]func(*cobra.Command, []string) []string{
		"account set": accounts, "account show": accounts, "account rename": accounts, "account remove": accounts,
		"pause": accounts, "resume": accounts, "doctor": accounts,
		"players revoke": grants, "players trust": grants,
	}
	reports := func(c *cobra.Command, _ []string) []string { return e.reportNames(c) }
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for name, offer := range flags {
			if c.Flags().Lookup(name) != nil {
				_ = c.RegisterFlagCompletionFunc(name, offered(offer)) // it errs only for a flag that is not there
			}
		}
		path := strings.TrimPrefix(c.CommandPath(), root.Name()+" ")
		switch path {
		case "players add":
			_ = c.RegisterFlagCompletionFunc("for", offered(fixed(programs.IDs()...))) // as above
		case "demo":
			_ = c.RegisterFlagCompletionFunc("faults", completeFaults) // as above
		case "progress retry", "progress drop":
			c.ValidArgsFunction = offered(reports)
		case "report":
			return // a file, which the shell completes
		}
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

// faultWords are what a fault of the demonstration begins with.
var faultWords = []string{"cut:", "lose", "stall:", "refuse", "404", "502", "html", "redirect", "internal", "restart:", "rate:"}

// completeFaults offers the next fault of a list.
func completeFaults(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	var list []string
	for _, word := range faultWords {
		list = append(list, before+word)
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// reportNames are the numbers of the reports that the running daemon set aside.
func (e *env) reportNames(c *cobra.Command) (names []string) {
	ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
	defer cancel()
	client, err := e.client()
	if err != nil {
		return nil
	}
	list, err := client.SetAside(ctx, "")
	if err != nil {
		return nil
	}
	for _, r := range list {
		names = append(names, strconv.FormatUint(r.ID, 10))
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
