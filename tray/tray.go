// Package tray shows the daemon's state where the user looks: an icon in the
// panel, its tooltip and its menu. It exists so that one glance tells whether
// the session is alive, and so that a desktop's faults cannot reach the
// daemon. Run is the whole of a process of its own, and Supervisor is the
// daemon's side of it.
//
// The process is a client of the control socket: a snapshot in, a command out.
// It holds no state that matters, no token and no password, decides nothing
// about sessions, and never talks to a server. It draws first when it has a
// snapshot, and ends when the daemon does.
//
// On Windows and macOS fyne.io/systray draws, which runs once per process, and
// on macOS wants the main thread: call Run from the main goroutine. On the
// other systems the icon is a StatusNotifierItem of our own (see dbusPanel for
// the reasons). One goroutine alone draws. A session bus that dies ends the
// process with CodeBusLost, after which the Supervisor starts another: a new
// process is the one way back that works on every desktop. While nothing
// changes nothing runs.
//
// A command line does this:
//
//	client := control.Dial(socket)
//	err := tray.Run(ctx, tray.Config{
//		Client: client,
//		Open:   desktop.Open,
//		Copy:   desktop.Copy,
//		Log:    log,
//	})
//	if err != nil {
//		os.Exit(int(problem.Of(err).Code)) // the Supervisor reads it
//	}
//
// and a daemon this:
//
//	s := tray.Supervise(tray.SupervisorConfig{
//		Argv: []string{"/proc/self/exe", "tray"},
//		Log:  log,
//	})
//	defer s.Close()
package tray

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"runtime/debug"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// CodeBusLost is the exit code of a tray whose session bus died: nothing is
// wrong with the program, and another one may start at once. It is EX_TEMPFAIL
// of sysexits.h, apart from the codes that scripts get.
const CodeBusLost problem.Code = 75

// ErrBusLost says that the session bus died, or does not take the icon.
var ErrBusLost = errors.New("the session bus ended")

// endTimeout is how long Run waits for what it has started when it ends: a
// browser that hangs, or a bus that is stopped, must not keep it.
const endTimeout = time.Second

// gcPercent keeps the heap of a process that has nothing to do small: after 200
// icons it has some 2 MB less than with Go's default.
const gcPercent = 40

// Client is the daemon as the tray needs it. *control.Client is one.
type Client interface {
	// Events calls each with the present snapshot and after every change. It
	// returns when ctx ends or the daemon is gone.
	Events(ctx context.Context, each func(health.Snapshot) error) error
	Reauthenticate(ctx context.Context, account string) error
	// OpenPage returns an address that opens the account's web page once,
	// signed in with scope.
	OpenPage(ctx context.Context, account, scope string) (string, error)
	Quit(ctx context.Context) error
	// Restart moves over to the program that is installed now.
	Restart(ctx context.Context) error
	// Pause serves no player of an account until a time, zero for until Resume.
	Pause(ctx context.Context, account string, until time.Time) ([]string, error)
	Resume(ctx context.Context, account string) ([]string, error)
	// PageLink returns an address that opens the status page once, at the account
	// of that name or for "" where a person looks first.
	PageLink(ctx context.Context, account string) (string, error)
	// ReportTray says whether a panel shows the icon.
	ReportTray(ctx context.Context, state health.Tray) error
}

// Config is what Run needs. All fields are required but OpenApp.
type Config struct {
	Client Client

	// Open shows an address in the user's browser. What it starts must be in a
	// process group of its own, since Supervisor.Close ends the tray's.
	Open func(url string) error

	// OpenApp shows an address in a window of its own, under the same condition; nil
	// where no browser can.
	OpenApp func(url string) error

	// Copy puts a text into the clipboard.
	Copy func(text string) error

	// Tomorrow is when a pause until tomorrow ends.
	Tomorrow func(now time.Time) time.Time

	// Starts reports whether the system starts the daemon at login, and SetStart
	// makes it so. Both may ask other programs.
	Starts   func(ctx context.Context) (bool, error)
	SetStart func(ctx context.Context, on bool) error

	// Page is the command that opens the status page at an account, for desktops
	// that tell a program of a click, and not us.
	Page func(account string) []string

	// FirstTime reports whether it is asked about what for the first time on
	// this machine, and remembers it.
	FirstTime func(what string) bool

	// Notifications are messages of the desktop when an account needs its user.
	Notifications bool

	// ClickOpens says that a click on the icon opens Audiobookshelf, where a panel
	// shows no menu for it, instead of the status page.
	ClickOpens bool

	// Again says that an earlier process of the tray died. It has told what was
	// to be told.
	Again bool

	Log *slog.Logger
}

// Run shows the icon until ctx ends or the daemon does, which is no error. It
// waits, without a sound, for a session bus and for a panel that shows icons. In a
// build for macOS without cgo there is no icon, and Run shows messages alone.
// Errors are *problem.Problem: around ErrBusLost with CodeBusLost, or the Client's
// reason why there is no snapshot.
//
// It may be called once in a process, which should end soon after it returns.
func Run(ctx context.Context, c Config) error {
	debug.SetGCPercent(gcPercent)
	// systray logs to the standard logger; it is for developers at most.
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug).Writer())

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := follow(ctx, c.Client, cancel)
	select {
	case <-f.changed:
	case <-f.ended:
	}
	if f.snapshot() == nil {
		<-f.ended
		return f.reason()
	}
	err := show(ctx, newUI(c, f))
	cancel()
	select {
	case <-f.ended:
	case <-time.After(endTimeout):
	}
	if errors.Is(err, ErrBusLost) {
		return problem.New(CodeBusLost, err, "")
	}
	if err != nil {
		return problem.Of(fmt.Errorf("tray: %w", err))
	}
	c.Log.Debug("tray ended", "reason", f.reason())
	return nil
}
