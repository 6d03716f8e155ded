package main

import (
	"context"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/desktop"
	"shelfkeeper/daemon/desktop/autostart"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/statuspage"
)

func newPage(e *env) *cobra.Command {
	var account string
	var show bool
	c := &cobra.Command{
		Use:   "page",
		Short: "Open the status page in the browser",
		Long: `Opens the status page: how every account is doing, signing in, and the players.

The running daemon serves it at http://localhost:13380 (page_port in config.toml),
for browsers of your own user alone. Where the system does not tell which user a
browser belongs to, only the address that this command opens lets it in.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			link, err := client.PageLink(c.Context(), account)
			switch {
			case isNoDaemon(err):
				return notRunning()
			case err != nil:
				return err
			case show:
				return e.address(link)
			}
			if err := openPage(link); err != nil {
				return err
			}
			return e.did("The status page is open in the browser.")
		},
	}
	c.Flags().StringVar(&account, "account", "", "`name` of the account to show")
	c.Flags().BoolVar(&show, "print", false, "print the address, which works once within 30 seconds, instead of opening it")
	return c
}

// pageOptions are what the page may use of this desktop.
func (e *env) pageOptions() statuspage.Options {
	o := statuspage.Options{OwnUID: os.Getuid(), Starts: e.pageStart, SetStart: e.setPageStart}
	if !desktop.HasScreen() {
		return o
	}
	o.Show = desktop.Open
	o.TakeScheme = func(scheme string) (func() error, error) {
		command, err := e.returnCommand()
		if err != nil {
			return nil, err
		}
		return desktop.TakeScheme(scheme, command)
	}
	return o
}

// pageStart is whether the daemon starts by itself, for the page.
func (e *env) pageStart(ctx context.Context) (dashboard.Start, error) {
	s, err := e.autostartState(ctx)
	return dashboard.Start{On: s.On, Headless: s.Headless, MayHeadless: runtime.GOOS == "linux", Reason: s.Reason, Remedy: s.Remedy}, err
}

// setPageStart is what `shelfkeeper autostart` does.
func (e *env) setPageStart(ctx context.Context, wish dashboard.StartWish) error {
	if !wish.On {
		return autostart.Off(ctx)
	}
	_, err := e.turnStartOn(ctx, autostart.Plan{Headless: wish.Headless, PassphraseFile: wish.PassphraseFile})
	return err
}

// openPage opens an address of the status page in the browser.
func openPage(link string) error {
	if err := desktop.Open(link); err != nil {
		return problem.New(problem.Other, err, "run `shelfkeeper page --print` and open that address within 30 seconds")
	}
	return nil
}

// showPage opens the page of the daemon that runs. Its error is one of
// isNoDaemon if none does.
func (e *env) showPage(ctx context.Context) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	link, err := client.PageLink(ctx, "")
	if err != nil {
		return err
	}
	return openPage(link)
}
