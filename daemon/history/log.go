package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
)

// lockPoll is how often the lock of another process is tried again.
const lockPoll = 25 * time.Millisecond

const lockPrefix = "lock."

// Log is the record of one account. Its methods may be called from several
// goroutines, and several processes may have the same file open: what one adds
// stays when the other saves.
type Log struct {
	path string        // "" for a record in memory
	turn chan struct{} // held by whoever reads or writes the file

	mu      sync.Mutex // guards the rest; held for no I/O
	entries []Entry    // all that is known, unsaved ones included
	unsaved []Entry
	gone    bool // forgotten: nothing is written any more
}

// Open returns the record kept at path; with an empty path it lives and dies
// with the process. The Log can be used whatever the error says: it is for the
// log file. What cannot be read is not overwritten: see ErrDamaged, ErrNewer.
func Open(ctx context.Context, path string) (*Log, error) {
	l := &Log{path: path, turn: make(chan struct{}, 1)}
	return l, l.Save(ctx)
}

// Entries returns the record, oldest first. The slice is not to be changed.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries
}

// Add puts e at the end. It is in memory at once and in the file after the
// next Save.
func (l *Log) Add(e Entry) {
	e = e.clean()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = appended(l.entries, e)
	if l.path != "" {
		l.unsaved = appended(l.unsaved, e)
	}
}

// Save writes what was added and takes in what other processes wrote. On an
// error everything stays in memory, and the next Save tries again. An error
// that wraps ErrDamaged means that an unreadable file was moved aside and the
// record goes on in a new one.
func (l *Log) Save(ctx context.Context) (err error) {
	if l.path == "" {
		return nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	gone := l.gone
	l.mu.Unlock()
	if gone {
		return nil
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	entries, aside, err := readOwn(l.path)
	if err != nil {
		return err
	}
	added := l.takeUnsaved()
	if len(added) > 0 {
		for _, e := range added {
			entries = appended(entries, e)
		}
		if err := write(ctx, l.path, entries); err != nil {
			l.putBack(added)
			return errors.Join(aside, fmt.Errorf("keep the record of attempts: %w", err))
		}
	}
	l.setSaved(entries)
	return aside
}

// Forget removes the record for good, after the user has signed out. Entries
// that are added later stay in memory.
func (l *Log) Forget(ctx context.Context) (err error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	l.entries, l.unsaved, l.gone = nil, nil, true
	l.mu.Unlock()
	if l.path == "" {
		return nil
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return errors.Join(durable.Remove(l.path), durable.Remove(l.path+damaged))
}

// lock keeps other processes from the file. The lock file itself stays: if it
// were removed while a process waits for it, two processes could hold the lock.
func (l *Log) lock(ctx context.Context) (unlock func() error, err error) {
	dir, name := filepath.Split(l.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep the record of attempts: %w", err)
	}
	at := filepath.Join(dir, lockPrefix+strings.TrimSuffix(name, ending))
	if err := durable.Regular(at); err != nil {
		return nil, fmt.Errorf("lock the record of attempts: %w", err)
	}
	lock := flock.New(at, flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("lock the record of attempts: %w", err)
	}
	return lock.Unlock, nil
}

// takeUnsaved removes the unsaved entries from l and returns them.
func (l *Log) takeUnsaved() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	added := l.unsaved
	l.unsaved = nil
	return added
}

// putBack makes entries that could not be written unsaved again.
func (l *Log) putBack(added []Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.unsaved {
		added = appended(added, e)
	}
	l.unsaved = added
}

// setSaved makes l hold entries, which are in the file, and what was added
// meanwhile, which is not.
func (l *Log) setSaved(entries []Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.unsaved {
		entries = appended(entries, e)
	}
	l.entries = entries
}
