package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/problem"
)

const (
	// instanceLock and instanceRecord lie in the state directory, which every process
	// of the user finds. The runtime directory depends on the environment: a shell of
	// su, cron or ssh may have none.
	instanceLock   = "daemon.lock"
	instanceRecord = "daemon.json"
)

// whereabouts says where the running daemon's control socket lies.
type whereabouts struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}

// Instance is the claim of the one daemon that a state directory has.
type Instance struct {
	dir  string
	lock *flock.Flock
}

// Claim makes this process the daemon of a state directory. It waits until ctx ends
// for a daemon that is just ending. The error is a *problem.Problem that names the
// running daemon, or comes from the file system.
func Claim(ctx context.Context, state string) (*Instance, error) {
	if err := durable.Regular(filepath.Join(state, instanceLock)); err != nil {
		return nil, fmt.Errorf("lock the state: %w", err)
	}
	l := flock.New(filepath.Join(state, instanceLock), flock.SetPermissions(0o600))
	ok, err := l.TryLockContext(ctx, 25*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	if ok {
		return &Instance{state, l}, nil
	}
	remedy := "use it, or end it first: `shelfkeeper quit`"
	if r, err := readWhereabouts(state); err == nil {
		return nil, problem.Newf(problem.Running, remedy, "Shelfkeeper is running already, as process %d", r.PID)
	}
	return nil, problem.Newf(problem.Running, remedy, "Shelfkeeper is running already")
}

// Announce tells other processes where the daemon's control socket lies.
func (i *Instance) Announce(socket string) error {
	raw, err := json.Marshal(whereabouts{os.Getpid(), socket})
	if err != nil {
		return fmt.Errorf("announce the control socket: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(i.dir, instanceRecord), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("announce the control socket: %w", err)
	}
	return nil
}

// Release ends the claim. A record that cannot be removed does no harm.
func (i *Instance) Release() error {
	_ = durable.Remove(filepath.Join(i.dir, instanceRecord))
	return i.lock.Close()
}

func readWhereabouts(state string) (whereabouts, error) {
	raw, err := durable.Read(filepath.Join(state, instanceRecord))
	if err != nil {
		return whereabouts{}, err
	}
	var r whereabouts
	if err := json.Unmarshal(raw, &r); err != nil || r.PID <= 0 || r.Socket == "" {
		return whereabouts{}, fmt.Errorf("read %s: %w", instanceRecord, fs.ErrInvalid)
	}
	return r, nil
}

// claimed reports whether a daemon holds the claim now.
func claimed(state string) bool {
	path := filepath.Join(state, instanceLock)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false // nothing is created for the question
	}
	l := flock.New(path)
	free, err := l.TryRLock()
	if err != nil {
		return true // it cannot be ruled out
	}
	_ = l.Close()
	return !free
}

// elsewhere returns the record of a daemon that runs with another control socket than
// path, as one does that was started in another environment.
func elsewhere(state, path string) (whereabouts, bool) {
	if state == "" {
		return whereabouts{}, false
	}
	r, err := readWhereabouts(state)
	return r, err == nil && r.Socket != path && claimed(state)
}
