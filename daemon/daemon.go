// Package daemon puts the parts of the program together. It starts them in
// order, owns their goroutines and waits for them at the end.
//
// It exists so that a part knows of another one only the interface that it
// declares itself. It holds no rule about tokens, players or answers.
package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/memory"
	"shelfkeeper/daemon/netmon"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/service"
	"shelfkeeper/daemon/statuspage"
	"shelfkeeper/keychain"
)

// Daemon serves every account of a Home. Make it with New, run it with Run,
// and Close it in any case.
type Daemon struct {
	home      *home.Home
	instance  *control.Instance
	control   *control.Server
	monitor   *netmon.Monitor
	page      *statuspage.Page // nil where there is none
	installed *handover.Installed
	streams   dashboard.Bell // rings when a stream begins or ends
	run       string         // names this start
	running   sync.WaitGroup

	signedOut chan struct{} // after a sign-out, which may have left something to finish

	services         service.Roster
	homeActs         // what concerns files alone
	service.Acts     // what concerns one account that is served
	*handover.Ending // how it ends, and what comes after it

	changed dashboard.Bell // rings at each change
	mu      sync.Mutex
	tray    *health.Tray // why no panel shows the icon
}

// homeActs are the acts of a Home that need nothing of what runs.
type homeActs interface {
	Players(ctx context.Context, account string) ([]control.Player, error)
	TrustPlayer(ctx context.Context, account, player, origin string) error
	RevokePlayer(ctx context.Context, account, player string) error
	Gateway(ctx context.Context, account string) (control.GatewayView, error)
	CheckProgram(ctx context.Context) error
	control.Returns
}

// lockPatience is how long a start waits for a daemon that is just ending.
const lockPatience = time.Second

var (
	_ control.Daemon      = (*Daemon)(nil)
	_ control.OpenID      = (*Daemon)(nil)
	_ control.TrayReports = (*Daemon)(nil)
	_ control.Pausing     = (*Daemon)(nil)
	_ control.Gateways    = (*Daemon)(nil)
	_ control.Restarts    = (*Daemon)(nil)
	_ control.Shelves     = (*Daemon)(nil)
)

// New takes the instance lock and opens the control socket and the local
// address of every account. Its error is a *problem.Problem; an account's own
// address that cannot be opened is none, but a condition of that account.
// listen, where given, is the one account's address instead of its own.
func New(h *home.Home, listen string) (*Daemon, error) {
	d := &Daemon{home: h, run: rand.Text(), Ending: handover.NewEnding(), signedOut: make(chan struct{}, 1), homeActs: h}
	d.Acts = service.Acts{Of: d.serviceOf}
	d.installed = handover.NewInstalled(h.Program, d.bump)
	d.monitor = netmon.New(netmon.Config{Log: h.Log, Changed: func(e netmon.Event) {
		for _, s := range d.services.All() {
			s.Network(e)
			h.RecordMachine(s.Account().Name, e)
		}
	}})
	if err := d.open(listen); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// ControlPath is where the daemon's control socket lies.
func (d *Daemon) ControlPath() string {
	if d.home.Control != "" {
		return d.home.Control
	}
	return home.ControlPath(d.home.Paths)
}

func (d *Daemon) open(listen string) error {
	// A daemon that was killed holds its lock for some milliseconds more.
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	var err error
	var running *problem.Problem
	if d.instance, err = control.Claim(ctx, d.home.Paths.State); errors.As(err, &running) {
		return running
	} else if err != nil {
		return home.StateProblem(err)
	}
	if d.control, err = control.Listen(d.ControlPath(), d.home.Log); err != nil {
		return problem.New(problem.Config, err, "")
	}
	if err := d.instance.Announce(d.ControlPath()); err != nil {
		return home.StateProblem(err)
	}
	d.control.Keep(filepath.Join(d.home.Paths.State, "control.sock"), func(path string) {
		if err := d.instance.Announce(path); err != nil {
			d.home.Log.Warn("say where the control socket lies", "path", path, "reason", err)
		}
	})
	if err := d.home.CheckConfig(); err != nil {
		return err
	}
	for _, a := range d.home.Book.All() {
		s, err := d.newService(a, listen)
		if err != nil {
			return err
		}
		d.services.Add(s)
	}
	return nil
}

// Run serves until ctx ends or somebody asks the daemon to quit. Close is
// still to be called.
func (d *Daemon) Run(ctx context.Context) error {
	d.services.Start(d.bump)
	d.monitor.Start()
	if d.page != nil {
		d.page.Start()
	} else if err := d.home.Kept.Drop(); err != nil {
		d.home.Log.Warn("close an address of the daemon before", "reason", err)
	}
	served := make(chan error, 1)
	d.running.Go(func() { served <- d.control.Serve(d) })
	finishing, stop := context.WithCancel(ctx)
	defer stop()
	d.running.Go(func() { keychain.Watch(finishing, d.services.VaultChanged) })
	d.home.LogStart(d.ControlPath())
	d.running.Go(func() { memory.GiveBackTheStart(finishing) })
	d.running.Go(func() { logbook.Narrate(finishing, d.home.Log, d.Changed, d.Snapshot) })
	d.running.Go(func() {
		d.home.Repair(finishing, d.signedOut, func(a accounts.Account) {
			if err := d.serve(a); err != nil {
				d.home.Log.Warn("serve an account that is listed again", "account", a.Name, "reason", err)
			}
		}, d.bump)
	})
	select {
	case <-ctx.Done():
		d.home.Log.Info("Shelfkeeper ends: the system or Ctrl-C asked for it", "process", os.Getpid())
		return nil
	case <-d.Quitting():
		d.home.Log.Info(d.Why(), "process", os.Getpid())
		return nil
	case err := <-served:
		d.home.Log.Error("Shelfkeeper ends: its control socket failed", "process", os.Getpid(), "reason", err)
		return err
	}
}

// Close ends everything and waits for it.
func (d *Daemon) Close() error {
	d.monitor.Close()
	d.installed.Close()
	var errs []error
	if d.control != nil {
		errs = append(errs, d.control.Close())
	}
	if d.page != nil {
		errs = append(errs, d.page.Close())
	}
	errs = append(errs, d.services.Close())
	d.running.Wait()
	if d.instance != nil {
		errs = append(errs, d.instance.Release())
	}
	return errors.Join(errs...)
}

func (d *Daemon) bump() {
	if d.control != nil {
		d.control.Look()
	}
	d.changed.Ring()
}

// Changed returns a channel that is closed at the next change of the snapshot.
func (d *Daemon) Changed() <-chan struct{} { return d.changed.Rung() }

// Snapshot returns the state of everything, without a secret in it.
func (d *Daemon) Snapshot() health.Snapshot {
	s := health.Snapshot{Version: d.home.Version, Installed: d.installed.Version(), PID: os.Getpid(), Run: d.run, At: health.At(time.Now()),
		Accounts: d.services.Snapshots(d.home.Shown)}
	s.Level = health.Worst(s.Accounts)
	if s.Unlisted = d.home.Unlisted(); s.Unlisted != nil && s.Level != health.Paused {
		s.Level = max(s.Level, health.Degraded)
	}
	page, level := d.page.State()
	s.Page = page
	if s.Level != health.Paused {
		s.Level = max(s.Level, level)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Tray = d.tray
	return s
}

// ReportTray remembers whether a panel shows the icon.
func (d *Daemon) ReportTray(state health.Tray) {
	d.mu.Lock()
	if d.tray = nil; state.Condition != "" {
		d.tray = &state
	}
	d.mu.Unlock()
	d.bump()
}

// Alive returns nil when the loop of every account turns.
func (d *Daemon) Alive(ctx context.Context) error { return d.services.Alive(ctx) }
