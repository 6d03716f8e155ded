package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
)

const (
	fileName = "accounts.json"
	// lockName cannot be an account's own lock: names hold no dot.
	lockName = "accounts.json.lock"

	// version changes with every change of the format, a new field included,
	// so that an older program never drops what it does not know.
	version = 2
	// withoutAliases is the format that is written while no account has an alias.
	withoutAliases = 1

	// writeWait bounds the wait for other writers. Each holds the lock for one
	// read and one synced write, some 10 ms; after so long one is stuck.
	writeWait = 10 * time.Second
	// readWait bounds a reader's wait, after which it reads without the lock:
	// it is there for Windows, where a file that is open cannot be replaced.
	// Elsewhere a reader sees the old file or the new one.
	readWait = time.Second
	// lockPoll is how often a taken lock is tried again.
	lockPoll = 5 * time.Millisecond
)

// Errors of the file as a whole. It is left as it is under each.
var (
	ErrNewer      = errors.New("written by a newer version of Shelfkeeper")
	ErrUnreadable = errors.New("unreadable")
	ErrBusy       = errors.New("another Shelfkeeper is changing the accounts")
)

type document struct {
	Version  int       `json:"version"`
	Accounts []Account `json:"accounts"`
}

// file is accounts.json in dir.
type file struct{ dir string }

func (f file) path() string { return filepath.Join(f.dir, fileName) }

// lock waits for the exclusive lock across processes and, since every call
// opens the lock file anew, within this one.
func (f file) lock(ctx context.Context) (release func(), err error) {
	if err := durable.Regular(filepath.Join(f.dir, lockName)); err != nil {
		return nil, fmt.Errorf("lock accounts: %w", err)
	}
	l := flock.New(filepath.Join(f.dir, lockName))
	wait, cancel := context.WithTimeout(ctx, writeWait)
	defer cancel()
	_, err = l.TryLockContext(wait, lockPoll)
	if err != nil {
		if ctx.Err() == nil && wait.Err() != nil {
			err = fmt.Errorf("%w: try again", ErrBusy)
		}
		return nil, fmt.Errorf("lock accounts: %w", err)
	}
	// An unlock can fail only on a closed descriptor, and closing is what
	// releases the lock.
	return func() { _ = l.Close() }, nil
}

// readShared reads for somebody who will not write.
func (f file) readShared() ([]Account, error) {
	if _, err := os.Stat(f.path()); err == nil && durable.Regular(filepath.Join(f.dir, lockName)) == nil {
		l := flock.New(filepath.Join(f.dir, lockName))
		ctx, cancel := context.WithTimeout(context.Background(), readWait)
		defer cancel()
		if ok, _ := l.TryRLockContext(ctx, lockPoll); ok {
			defer func() { _ = l.Close() }()
		}
	}
	return f.read()
}

// read returns no accounts when there is no file.
func (f file) read() ([]Account, error) {
	data, err := durable.Read(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	list, err := decode(data)
	switch {
	case errors.Is(err, ErrNewer):
		return nil, fmt.Errorf("%s: %w: start that version; the file was left as it is", f.path(), err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w; restore the file from a backup, or move it away and sign in again; it was left as it is",
			f.path(), err)
	}
	return list, nil
}

// write replaces the file. On an error the accounts are as they were.
func (f file) write(list []Account) error {
	data, err := encode(list)
	if err != nil {
		return err
	}
	err = durable.WriteFile(f.path(), data, 0o600)
	switch {
	case err == nil:
		return nil
	case durable.IsFull(err):
		return fmt.Errorf("%w: free some space and try again; the accounts are as they were", err)
	}
	return fmt.Errorf("%w; the accounts are as they were", err)
}

func encode(list []Account) ([]byte, error) {
	if list == nil {
		list = []Account{}
	}
	format := withoutAliases
	if slices.ContainsFunc(list, func(a Account) bool { return a.Alias != "" }) {
		format = version
	}
	data, err := json.MarshalIndent(document{Version: format, Accounts: list}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode accounts: %w", err)
	}
	return append(data, '\n'), nil
}

// decode returns ErrNewer, or ErrUnreadable for whatever this version would
// not have written.
func decode(data []byte) ([]Account, error) {
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	switch {
	case head.Version == nil || *head.Version < 1:
		return nil, fmt.Errorf("%w: it names no version", ErrUnreadable)
	case *head.Version > version:
		return nil, fmt.Errorf("%w (format %d, this one knows %d)", ErrNewer, *head.Version, version)
	}
	var d document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows its end", ErrUnreadable)
	}
	names, ports := map[string]bool{}, map[int]bool{}
	for i, a := range d.Accounts {
		a, err := a.normal()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		if names[a.Name] || ports[a.Port] {
			return nil, fmt.Errorf("%w: %s or its port %d is there twice", ErrUnreadable, a.Name, a.Port)
		}
		if a.Alias != "" && (names[a.Alias] || a.Alias == a.Name) {
			return nil, fmt.Errorf("%w: the name %s is there twice", ErrUnreadable, a.Alias)
		}
		names[a.Name], names[a.Alias], ports[a.Port] = true, a.Alias != "", true
		d.Accounts[i] = a
	}
	return d.Accounts, nil
}
