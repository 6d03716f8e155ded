// Package daemon puts the parts together: it owns every goroutine of the
// program, starts them in order and waits for them at the end.
//
// It exists so that the parts know nothing of each other but the interfaces
// they ask for. It holds no rule about tokens, players or answers.
package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/netmon"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain"
)

// Daemon serves every account of a Home. Make it with New, run it with Run,
// and Close it in any case.
type Daemon struct {
	home    *Home
	lock    *flock.Flock
	control *control.Server
	monitor *netmon.Monitor
	quit    chan struct{}
	quitted sync.Once
	running sync.WaitGroup

	signedOut chan struct{} // after a sign-out, which may have left something to finish

	mu      sync.Mutex
	desks   []*desk
	changed chan struct{} // closed and replaced at each change
}

// lockPatience is how long a start waits for a daemon that is just ending.
const lockPatience = time.Second

var (
	_ control.Daemon = (*Daemon)(nil)
	_ control.OpenID = (*Daemon)(nil)
)

// New takes the instance lock and opens the control socket and every
// account's local address: all of them, or none and a *problem.Problem.
// listen, where given, is the one account's address instead of its own.
func New(h *Home, listen string) (*Daemon, error) {
	d := &Daemon{home: h, quit: make(chan struct{}), signedOut: make(chan struct{}, 1), changed: make(chan struct{})}
	d.monitor = d.newMonitor()
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
	return ControlPath(d.home.Paths)
}

func (d *Daemon) open(listen string) error {
	lock := flock.New(filepath.Join(d.home.Paths.Runtime, "daemon.lock"), flock.SetPermissions(0o600))
	// A daemon that was killed holds its lock for some milliseconds more.
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	ok, err := lock.TryLockContext(ctx, 25*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return stateProblem(err)
	}
	if !ok {
		return problem.Newf(problem.Running, "use it, or end it first: `shelfkeeper quit`", "Shelfkeeper is running already")
	}
	d.lock = lock
	if d.control, err = control.Listen(d.ControlPath(), d.home.Log); err != nil {
		return problem.New(problem.Config, err, "")
	}
	for _, a := range d.home.Book.All() {
		desk, err := d.home.newDesk(a, listen)
		if err != nil {
			return err
		}
		d.desks = append(d.desks, desk)
	}
	return nil
}

// Run serves until ctx ends or somebody asks the daemon to quit. Close is
// still to be called.
func (d *Daemon) Run(ctx context.Context) error {
	d.mu.Lock()
	for _, desk := range d.desks {
		desk.start(d.bump)
	}
	d.mu.Unlock()
	d.monitor.Start()
	served := make(chan error, 1)
	d.running.Go(func() { served <- d.control.Serve(d) })
	finishing, stop := context.WithCancel(ctx)
	defer stop()
	d.running.Go(func() { d.finishSignOuts(finishing) })
	select {
	case <-ctx.Done():
		return nil
	case <-d.quit:
		return nil
	case err := <-served:
		return err
	}
}

// Close ends everything and waits for it.
func (d *Daemon) Close() error {
	d.monitor.Close()
	var errs []error
	if d.control != nil {
		errs = append(errs, d.control.Close())
	}
	d.mu.Lock()
	desks := d.desks
	d.desks = nil
	d.mu.Unlock()
	var wg sync.WaitGroup
	ended := make([]error, len(desks))
	for i, desk := range desks {
		wg.Go(func() { ended[i] = desk.close() })
	}
	wg.Wait()
	errs = append(errs, ended...)
	d.running.Wait()
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

func (d *Daemon) bump() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
}

// Changed returns a channel that is closed at the next change of the snapshot.
func (d *Daemon) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Snapshot returns the state of everything, without a secret in it.
func (d *Daemon) Snapshot() health.Snapshot {
	s := health.Snapshot{Version: d.home.Version, PID: os.Getpid(), At: health.At(time.Now()), Accounts: []health.Account{}}
	for _, desk := range d.all() {
		s.Accounts = append(s.Accounts, desk.snapshot())
	}
	s.Level = health.Worst(s.Accounts)
	return s
}

func (d *Daemon) all() []*desk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*desk(nil), d.desks...)
}

// Quit asks Run to return.
func (d *Daemon) Quit() { d.quitted.Do(func() { close(d.quit) }) }

// Quitting returns a channel that is closed when somebody asks the daemon to
// quit.
func (d *Daemon) Quitting() <-chan struct{} { return d.quit }

// desk returns the desk of the account; an empty name means the only one.
func (d *Daemon) desk(name string) (*desk, error) {
	desks := d.all()
	if name == "" && len(desks) == 1 {
		return desks[0], nil
	}
	for _, desk := range desks {
		if desk.account.Name == name {
			return desk, nil
		}
	}
	return nil, noSuchAccount(d.home.Book, name)
}

// Reauthenticate renews the session of an account now.
func (d *Daemon) Reauthenticate(ctx context.Context, account string) error {
	desk, err := d.desk(account)
	if err != nil {
		return err
	}
	if err := d.home.unlock(ctx); err != nil {
		return err
	}
	if err := desk.session.Reauthenticate(keychain.WithPrompt(ctx)); err != nil {
		return sessionProblem(err)
	}
	return nil
}

// SignIn signs in and serves the account from then on.
func (d *Daemon) SignIn(ctx context.Context, req control.SignInRequest) (control.SignInAnswer, error) {
	answer, err := d.home.SignIn(ctx, req)
	if err != nil {
		return answer, err
	}
	return answer, d.serveNamed(answer.Account)
}

// serve brings a to its desk, replacing one of another server, port, user or
// method.
func (d *Daemon) serve(a accounts.Account) error {
	if desk, err := d.desk(a.Name); err == nil {
		old := desk.account
		if old.Server == a.Server && old.Port == a.Port && old.UserID == a.UserID && old.Username == a.Username && old.Method == a.Method {
			desk.session.Reload()
			return nil
		}
		if err := d.remove(desk); err != nil {
			return err
		}
	}
	desk, err := d.home.newDesk(a, "")
	if err != nil {
		return err
	}
	desk.start(d.bump)
	d.mu.Lock()
	d.desks = append(d.desks, desk)
	d.mu.Unlock()
	d.bump()
	return nil
}

func (d *Daemon) remove(old *desk) error {
	d.mu.Lock()
	for i, desk := range d.desks {
		if desk == old {
			d.desks = append(d.desks[:i:i], d.desks[i+1:]...)
			break
		}
	}
	d.mu.Unlock()
	d.bump()
	return old.close()
}

// SignOut ends the account's session on both sides and forgets the account.
func (d *Daemon) SignOut(ctx context.Context, account string) error {
	desk, err := d.desk(account)
	if err != nil {
		return err
	}
	desk.deliverNow(ctx)
	told, err := d.home.signOut(ctx, desk.session, desk.account.Name)
	if err != nil {
		return err
	}
	select {
	case d.signedOut <- struct{}{}:
	default:
	}
	return errors.Join(d.remove(desk), farewell(d.home.leaveJournal(desk.account), told))
}
