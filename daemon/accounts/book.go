package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Book is the list of accounts. Its methods may be called from several
// goroutines. What it tells is as of the last Open, Reload or change through
// this Book; what it changes is always the file as it is at that moment, so
// that processes do not undo each other's work.
type Book struct {
	file file
	turn chan struct{} // held by whoever reads or writes the file, so that list never goes back in time

	mu   sync.Mutex // guards list; held for no I/O
	list []Account
}

// Open reads the accounts in the directory dir, which is empty or not there
// before the first sign-in. It writes nothing. ErrNewer and ErrUnreadable say
// what to do about the file.
func Open(dir string) (*Book, error) {
	b := &Book{file: file{dir}, turn: make(chan struct{}, 1)}
	if err := b.Reload(); err != nil {
		return nil, err
	}
	return b, nil
}

// Reload reads what other processes have written. On an error the Book tells
// what it told before. It may wait for a change under way through this Book.
func (b *Book) Reload() error {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	list, err := b.file.readShared()
	if err != nil {
		return err
	}
	b.set(list)
	return nil
}

// All returns the accounts in the order in which they were added. The slice
// is the caller's own.
func (b *Book) All() []Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.list)
}

// Get returns the account of that name, also of one that it had before a Rename.
func (b *Book) Get(name string) (Account, bool) {
	return b.first(func(a Account) bool { return a.called(name) })
}

// Find returns the first account of that user on that server, for a sign-in
// that names no account.
func (b *Book) Find(server, username string) (Account, bool) {
	return b.first(sameUser(server, username))
}

// Default returns the account that is meant when none is named: the only one.
func (b *Book) Default() (Account, bool) {
	if all := b.All(); len(all) == 1 {
		return all[0], true
	}
	return Account{}, false
}

// Add stores a new account and returns it as stored. An empty Name is derived
// from host and user, unless that user of that server is there already; a zero
// Port becomes first (0: DefaultPort), or when an account has that or it is not
// usable (nil: every port is), the lowest such from 13381 on, chosen under the
// lock; a zero CreatedAt becomes now. Errors: ErrExists, ErrPort, ErrInvalid, and those of Put.
func (b *Book) Add(ctx context.Context, a Account, first int, usable func(port int) bool) (Account, error) {
	err := b.change(ctx, func(list []Account) ([]Account, error) {
		if a.Name == "" {
			if i := slices.IndexFunc(list, sameUser(a.Server, a.Username)); i >= 0 {
				return nil, fmt.Errorf("%w: %s", ErrExists, list[i].Name)
			}
			a.Name = deriveName(a.Server, a.Username, func(name string) bool { return index(list, name) >= 0 })
		}
		if index(list, a.Name) >= 0 {
			return nil, fmt.Errorf("%w: %s", ErrExists, a.Name)
		}
		var err error
		a, err = complete(list, a, first, usable)
		return append(list, a), err
	})
	if err != nil {
		return Account{}, fmt.Errorf("add account: %w", err)
	}
	return a, nil
}

// Put replaces the account of the same name, or adds it. A zero Port or
// CreatedAt keeps what is stored, or is chosen as in Add. On every error the
// file is as it was; beside ErrPort and ErrInvalid there are ErrBusy,
// ErrNewer, ErrUnreadable and the operating system's.
func (b *Book) Put(ctx context.Context, a Account) error {
	err := b.change(ctx, func(list []Account) ([]Account, error) {
		i := index(list, a.Name)
		if i < 0 {
			a, err := complete(list, a, 0, nil)
			return append(list, a), err
		}
		if a.Port == 0 {
			a.Port = list[i].Port
		}
		if a.CreatedAt.IsZero() {
			a.CreatedAt = list[i].CreatedAt
		}
		var err error
		list[i], err = complete(slices.Delete(slices.Clone(list), i, i+1), a, 0, nil)
		return list, err
	})
	if err != nil {
		return fmt.Errorf("store account: %w", err)
	}
	return nil
}

// SetPort gives an account another port; 0 for the lowest from 13381 on that no
// account has and that is usable. It returns the account as stored. The errors
// are ErrNotFound, ErrPort and those of Put.
func (b *Book) SetPort(ctx context.Context, name string, port int, usable func(port int) bool) (a Account, err error) {
	err = b.change(ctx, func(list []Account) ([]Account, error) {
		i := index(list, name)
		if i < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
		}
		a = list[i]
		a.Port = port
		others := slices.Delete(slices.Clone(list), i, i+1)
		if a, err = complete(others, a, furtherPort, usable); err != nil {
			return nil, err
		}
		list[i] = a
		return list, nil
	})
	if err != nil {
		return Account{}, fmt.Errorf("change the port: %w", err)
	}
	return a, nil
}

// NextPort returns the port that Add would give to a new account now; 0 when
// there is none.
func (b *Book) NextPort(first int, usable func(port int) bool) int {
	return nextPort(b.All(), first, usable)
}

// Rename gives an account another name for people, in one write: what is kept of
// it stays where it is. Its name before goes on meaning it, and no other account
// gets it. The errors are ErrNotFound, ErrExists, ErrInvalid and those of Put.
func (b *Book) Rename(ctx context.Context, name, alias string) (a Account, err error) {
	err = b.change(ctx, func(list []Account) ([]Account, error) {
		i := index(list, name)
		if i < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
		}
		if j := index(list, alias); j >= 0 && j != i {
			return nil, fmt.Errorf("%w: %s", ErrExists, alias)
		}
		if list[i].Alias = alias; alias == list[i].Name {
			list[i].Alias = ""
		}
		a, err = list[i].normal()
		return list, err
	})
	if err != nil {
		return Account{}, fmt.Errorf("rename account: %w", err)
	}
	return a, nil
}

// Remove forgets an account; ErrNotFound if there is none of that name. Its
// secrets are the vault's affair and must be gone before.
func (b *Book) Remove(ctx context.Context, name string) error {
	err := b.change(ctx, func(list []Account) ([]Account, error) {
		i := index(list, name)
		if i < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
		}
		return slices.Delete(list, i, i+1), nil
	})
	if err != nil {
		return fmt.Errorf("remove account: %w", err)
	}
	return nil
}

// change is the one way to write: lock, read, edit, write. edit may change
// the list it is given.
func (b *Book) change(ctx context.Context, edit func([]Account) ([]Account, error)) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	release, err := b.file.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	list, err := b.file.read()
	if err != nil {
		return err
	}
	if list, err = edit(list); err != nil {
		return err
	}
	if err := b.file.write(list); err != nil {
		return err
	}
	b.set(list)
	return nil
}

func (b *Book) set(list []Account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = list
}

func (b *Book) first(match func(Account) bool) (Account, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.list, match); i >= 0 {
		return b.list[i], true
	}
	return Account{}, false
}

// complete fills in what a leaves open and checks it against the others.
func complete(others []Account, a Account, first int, usable func(port int) bool) (Account, error) {
	if a.Port == 0 {
		if a.Port = nextPort(others, first, usable); a.Port == 0 {
			return a, fmt.Errorf("%w: none is left", ErrPort)
		}
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = time.Now().Truncate(time.Second)
	}
	if i := slices.IndexFunc(others, func(o Account) bool { return o.Port == a.Port }); i >= 0 {
		return a, fmt.Errorf("%w: %d belongs to the account %s", ErrPort, a.Port, others[i].Name)
	}
	return a.normal()
}

func index(list []Account, name string) int {
	return slices.IndexFunc(list, func(a Account) bool { return a.called(name) })
}

// sameUser finds a user of a server. ABS takes user names without regard to
// case (measured on 2.26.3 to 2.36.0).
func sameUser(server, username string) func(Account) bool {
	if normal, err := normalServer(server); err == nil {
		server = normal
	}
	return func(a Account) bool { return a.Server == server && strings.EqualFold(a.Username, username) }
}

// NameFor returns the name that Add would derive now for that user of that
// server.
func (b *Book) NameFor(server, username string) string {
	list := b.All()
	return deriveName(server, username, func(name string) bool { return index(list, name) >= 0 })
}
