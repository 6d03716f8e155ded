package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/desktop"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/tray"
)

// newTray is the process that shows the icon. The daemon starts it; a user can
// too.
func newTray(e *env) *cobra.Command {
	var quiet, sameControl, clickOpens bool
	level := slog.LevelWarn
	c := &cobra.Command{
		Use:   "tray",
		Short: "Show the icon in the panel (the daemon starts this by itself)",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			paths, err := e.paths()
			if err != nil {
				return err
			}
			daemon := *e // as the daemon was started, which is what starts at login
			if !sameControl {
				daemon.control = ""
			}
			var openApp func(string) error
			if desktop.HasApp() {
				openApp = openAsApp
			}
			err = tray.Run(e.whileSupervised(c.Context()), tray.Config{Client: clicks{client, e}, Open: desktop.Open, OpenApp: openApp,
				Copy: desktop.Copy, FirstTime: firstTime(paths.State), Notifications: !quiet, ClickOpens: clickOpens,
				Again: os.Getenv(tray.AgainVariable) != "",
				Page:  e.pageCommand, Tomorrow: home.Tomorrow, Starts: daemon.starts, SetStart: daemon.setStart, Log: e.logger(level)})
			if isNoDaemon(err) {
				return notRunning()
			}
			return err
		},
	}
	c.Flags().BoolVar(&quiet, "no-notifications", false, "no messages of the desktop when an account needs you")
	c.Flags().BoolVar(&clickOpens, "click-opens", false, "a click on the icon opens Audiobookshelf instead of the status page")
	c.Flags().TextVar(&level, "log-level", slog.LevelWarn, "how much it writes to stderr: debug, info, warn or error")
	c.Flags().BoolVar(&sameControl, "same-control", false, "a start at login uses --control too")
	_ = c.Flags().MarkHidden("same-control") // it errs only for a flag that is not there
	return c
}

// whileSupervised returns a context that ends with standard input too, if the
// daemon has started this process.
func (e *env) whileSupervised(ctx context.Context) context.Context {
	if os.Getenv(tray.SupervisedVariable) == "" {
		return ctx
	}
	_ = os.Unsetenv(tray.SupervisedVariable) // not for what this process starts
	ctx, end := context.WithCancel(ctx)
	go func() { // ends with the process at the latest
		_, _ = io.Copy(io.Discard, e.stdin)
		end()
	}()
	return ctx
}

// pageCommand opens the status page of the same daemon at an account.
func (e *env) pageCommand(account string) []string {
	program, err := os.Executable()
	if err != nil {
		program = "shelfkeeper" // as a shell finds it
	}
	argv := []string{program, "page", "--account", account}
	if e.control != "" {
		argv = append(argv, "--control", e.control)
	}
	return argv
}

// firstTime remembers in files in state what was said once.
func firstTime(state string) func(what string) bool {
	return func(what string) bool {
		name := "told-" + strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
				return r
			}
			return '_'
		}, what)
		f, err := os.OpenFile(filepath.Join(state, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return !errors.Is(err, fs.ErrExist)
		}
		_ = f.Close() // it is empty
		return true
	}
}

// clicks is the daemon as the tray's menu uses it: a click also renews an account
// that signs in through OpenID, which may need the browser.
type clicks struct {
	*control.Client
	env *env
}

// Reauthenticate shows the provider's page if nothing less will do, or the status
// page where only the user can go on.
func (c clicks) Reauthenticate(ctx context.Context, account string) error {
	if !c.env.signsInByOpenID(ctx, account) {
		err := c.Client.Reauthenticate(ctx, account)
		if p := problem.Of(err); p == nil || p.Code != problem.NeedsUser {
			return err
		}
		link, failed := c.Client.PageLink(ctx, account)
		if failed == nil {
			failed = desktop.Open(link)
		}
		if failed != nil {
			return err // it says what else helps
		}
		return problem.New(problem.NeedsUser, err, "sign in on the page that has opened in your browser")
	}
	nobody := *c.env // no person types here or reads
	nobody.stdin, nobody.stdout, nobody.stderr = strings.NewReader(""), io.Discard, io.Discard
	return nobody.renewOpenID(ctx, account)
}

// superviseTray keeps an icon in the panel for the daemon that listens at
// control, until the returned function is called.
func (e *env) superviseTray(control string, cfg config.Config, log *slog.Logger) (end func() error, err error) {
	program := "/proc/self/exe" // this very program, even after an upgrade replaced its file
	if runtime.GOOS != "linux" {
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	argv := []string{program, "tray", "--control", control, "--log-level", cfg.LogLevel.String()}
	if e.control != "" {
		argv = append(argv, "--same-control")
	}
	if e.config != "" {
		argv = append(argv, "--config", e.config)
	}
	if !cfg.Notifications {
		argv = append(argv, "--no-notifications")
	}
	if cfg.IconClick == config.ClickAudiobookshelf {
		argv = append(argv, "--click-opens")
	}
	s := tray.Supervise(tray.SupervisorConfig{Argv: argv, Stderr: unfiltered(e.stderr), Log: log})
	return s.Close, nil
}
