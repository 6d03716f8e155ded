package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/desktop/sdnotify"
	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/problem"
)

func newRun(e *env) *cobra.Command {
	var noTray, noPage, show bool
	var listen string
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon (the default)",
		Long: `Runs the daemon until Ctrl-C, "shelfkeeper quit" or the end of the session.

With --show it opens the status page, too. If the daemon runs already, only the
page opens: that is what an entry of a desktop's menu does.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if show && noPage {
				return usage(c, errors.New("--no-page and --show exclude each other"))
			}
			if show && !e.replaced {
				if err := e.showPage(c.Context()); !isNoDaemon(err) {
					return err
				}
			}
			return e.serve(c.Context(), serving{tray: !noTray, page: !noPage, show: show && !e.replaced, silent: e.replaced, listen: listen})
		},
	}
	c.Flags().BoolVar(&noTray, "no-tray", false, "no icon in the panel")
	c.Flags().BoolVar(&noPage, "no-page", false, "no status page")
	c.Flags().BoolVar(&show, "show", false, "open the status page in the browser; of the daemon that runs already, if there is one")
	c.Flags().StringVar(&listen, "listen", "",
		"`address` at which players reach the one account, instead of its own; for a second daemon on the same state")
	_ = c.Flags().MarkHidden("listen") // it errs only for a flag that is not there
	return c
}

// serving is how the daemon was asked to run.
type serving struct {
	tray, page bool
	show       bool // the page opens in the browser
	listen     string
	silent     bool // what is served where was said before
	log        *logbook.File
	program    handover.Program
}

// serve runs daemons, one after the other, until somebody asks to end: a setting
// that was changed on the page holds from the next one on. The vault stays open.
func (e *env) serve(ctx context.Context, how serving) error {
	o, err := e.options(ctx)
	if err != nil {
		return err
	}
	if how.program.Path() == "" { // else the old program goes on
		var unknown error
		if how.program, unknown = handover.Own(os.Args[0]); unknown != nil {
			e.logger(o.Config.LogLevel).Debug("`shelfkeeper restart` will not work", "reason", unknown)
		}
	}
	o.Program = how.program
	how.log = logbook.NewFile(o.Paths.State, func(err error) {
		e.logger(slog.LevelWarn).Warn("the log file cannot be written, so `shelfkeeper logs` lacks lines", "reason", err)
	})
	defer how.log.Close()
	o.Log = e.logger(o.Config.LogLevel, how.log.Sink)
	h, err := home.Open(o)
	if err != nil {
		return err
	}
	for {
		end, err := e.serveOnce(ctx, h, how)
		if err != nil || end == quit {
			return errors.Join(err, h.Close(), e.kept.Drop())
		}
		how.silent, how.show = true, false
		if end == replaced {
			return e.replace(ctx, h, how)
		}
		next, err := e.options(ctx)
		if err != nil {
			h.Log.Warn("the configuration stays as it was", "reason", err)
			continue
		}
		next.Program, next.Log = h.Program, e.logger(next.Config.LogLevel, how.log.Sink)
		how.show = next.Config.PagePort != h.Config.PagePort
		h.Reconfigure(next)
	}
}

// ending is what is to come after a daemon.
type ending int

const (
	quit     ending = iota
	again           // another daemon, of this program
	replaced        // the program that is installed now
)

// serveOnce runs one daemon.
func (e *env) serveOnce(ctx context.Context, h *home.Home, how serving) (end ending, err error) {
	d, err := daemon.New(h, how.listen)
	if err != nil {
		return quit, err
	}
	how.log.Start() // no other daemon has it now
	if how.page {
		page := e.pageOptions()
		page.ShowAtStart, page.Again = how.show, how.silent
		d.ServePage(page)
	}
	if !how.silent {
		if err := e.tellServed(d.Snapshot()); err != nil {
			h.Log.Warn("nobody can be told where players reach the accounts", "reason", err)
		}
	}
	endTray := func() error { return nil }
	if how.tray {
		if endTray, err = e.superviseTray(d.ControlPath(), h.Config, h.Log); err != nil {
			return quit, errors.Join(err, d.Close())
		}
	}
	endNotify := notifySystemd(ctx, control.DialDaemon(h.Paths.State, d.ControlPath()), d, h.Log)
	err = d.Run(ctx)
	endNotify()
	switch {
	case ctx.Err() != nil || err != nil:
	case d.Replacing():
		end = replaced
	case d.Restarting():
		end = again
	}
	if end != quit {
		if lost := h.Kept.Keep(); lost > 0 {
			h.Log.Warn("players are refused for a moment: the system hands no address over", "addresses", lost)
		}
	}
	return end, errors.Join(err, endTray(), d.Close())
}

// replace runs the installed program in the place of this one, which goes on where
// that fails.
func (e *env) replace(ctx context.Context, h *home.Home, how serving) error {
	if handed := h.OpenedWith(); !handed.IsEmpty() {
		e.passphrase, e.passphraseErr = handed, nil
	}
	if err := h.Close(); err != nil {
		h.Log.Warn("close the vault", "reason", err)
	}
	how.log.Close()
	if ctx.Err() != nil { // the system or Ctrl-C asked for the end meanwhile
		return e.kept.Drop()
	}
	program := h.Program.Path()
	err := e.kept.Replace(program, append([]string{program}, os.Args[1:]...), os.Environ(), e.passphrase)
	if err == nil {
		return nil // as on Windows
	}
	e.logger(slog.LevelWarn).Warn("the old Shelfkeeper goes on", "reason", err)
	return e.serve(ctx, how)
}

// tellServed says where everything is.
func (e *env) tellServed(s health.Snapshot) error {
	if e.json {
		return e.writeJSON(s)
	}
	if e.quiet {
		return nil
	}
	var out strings.Builder
	for _, a := range s.Accounts {
		if a.Condition == health.ProxyDown.ID {
			fmt.Fprintf(&out, "%s: players cannot reach %s yet: %s\n  → %s\n", a.Name, a.Server, a.Reason, a.Remedy)
			continue
		}
		fmt.Fprintf(&out, "%s: players reach %s at %s\n", a.Name, a.Server, a.Proxy.URL)
	}
	if s.Page.URL != "" {
		fmt.Fprintf(&out, "The status page is at %s\n", s.Page.URL)
	}
	if len(s.Accounts) == 0 {
		fmt.Fprintln(&out, "No account yet: open the status page, or run `shelfkeeper login URL` in another terminal.")
	}
	_, err := io.WriteString(e.stdout, folded(out.String(), e.width()))
	return err
}

// notifySystemd tells systemd, where it has started the daemon, how the daemon
// is doing: it must answer at its control socket, as it answers clients, and
// each account's loop must turn. The returned function says that it ends.
func notifySystemd(ctx context.Context, client *control.Client, d *daemon.Daemon, log *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sdnotify.Run(ctx, func(ctx context.Context) error {
			if _, err := client.Snapshot(ctx); err != nil {
				return err
			}
			return d.Alive(ctx)
		}, log)
	}()
	return func() {
		cancel()
		<-ended
	}
}

func newQuit(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "quit",
		Short: "End the running daemon",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			if err := client.Quit(c.Context()); isNoDaemon(err) {
				return notRunning()
			} else if err != nil {
				return err
			}
			if err := untilGone(c.Context(), client); err != nil {
				return err
			}
			return e.did("Shelfkeeper has ended.")
		},
	}
}

// goneDeadline is longer than a daemon takes to finish an attempt.
const goneDeadline = 15 * time.Second

// untilGone returns when nobody listens on the control socket any more, so that
// the next command does not meet a daemon that is just ending.
func untilGone(ctx context.Context, client *control.Client) error {
	ctx, cancel := context.WithTimeout(ctx, goneDeadline)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if isNoDaemon(client.Ping(ctx)) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return problem.Newf(problem.Other, "look at `shelfkeeper status`", "the daemon was asked to end, but still answers")
		}
	}
}
