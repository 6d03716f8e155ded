package keychain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/gofrs/flock"
)

// Vault stores records. Its methods may be called from several goroutines, and
// several processes may have the same directory open. A call that waits for the
// keychain never delays one that does not need it.
type Vault struct {
	backend Backend
	files   files
	disk    *diskFiles // nil for Memory: no locks across processes, no memory of the backend
	store   store
	use     *flock.Flock // shared while a File vault is open; nil otherwise
	log     *slog.Logger

	keyGate    gate // held while the key is read or made
	sealedGate gate // held while the file of larger secrets changes

	calls sync.WaitGroup // running calls, for Close

	mu       sync.Mutex // covers all below
	closed   bool
	running  map[int]context.CancelCauseFunc
	lastCall int
	key      *sealKey // nil until read or made
	keyErr   error    // why the last attempt to read it failed
	accounts map[string]*account
	shown    error // the condition last logged
}

// account is what the vault knows of one account.
type account struct {
	name string
	lock gate // held by Acquire, within this process
	disk gate // held while the journal is read and replaced
	item gate // held while slots are read or written

	// The rest is covered by the vault's mutex.
	slots      [2]slot
	tried      bool  // the slots were asked for once
	slotErr    error // why the last slot call failed
	journal    entry // the journal's record as last seen; generation 0 = none
	unreadable error // why the journal cannot be read
}

// Open returns a vault. It asks the keychain nothing: a locked, absent or
// hanging one shows as a condition of the first call. The errors are those of
// configuration: ErrBackend, ErrNewer, ErrPassphrase, ErrUnreadable, ErrInvalid.
// Opening a File vault takes about a second, the price of guessing a passphrase.
func Open(ctx context.Context, o Options) (*Vault, error) {
	v := newVault(o.Log)
	if err := v.openBackend(ctx, o); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}

func newVault(log *slog.Logger) *Vault {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Vault{
		log:        log,
		keyGate:    newGate(),
		sealedGate: newGate(),
		running:    map[int]context.CancelCauseFunc{},
		accounts:   map[string]*account{},
	}
}

// Backend returns where the items of this vault live.
func (v *Vault) Backend() Backend { return v.backend }

// Close cancels running calls, waits for them and their child processes, and
// forgets the key. Later calls return ErrClosed.
func (v *Vault) Close() error {
	v.mu.Lock()
	v.closed = true
	for _, cancel := range v.running {
		cancel(ErrClosed)
	}
	v.mu.Unlock()
	v.calls.Wait()
	if keychain, ok := v.store.(*osStore); ok {
		keychain.close()
	}
	v.endUse()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.key = nil
	clear(v.accounts)
	return nil
}

// begin registers a call, which Close cancels and waits for.
func (v *Vault) begin(ctx context.Context) (context.Context, func(), error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, nil, ErrClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	v.lastCall++
	id := v.lastCall
	v.running[id] = cancel
	v.calls.Add(1)
	return ctx, func() {
		v.mu.Lock()
		delete(v.running, id)
		v.mu.Unlock()
		cancel(nil)
		v.logCondition()
		v.calls.Done()
	}, nil
}

func (v *Vault) account(name string) (*account, error) {
	if err := checkAccount(name); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.accounts[name]
	if a == nil {
		a = &account{name: name, lock: newGate(), disk: newGate(), item: newGate()}
		v.accounts[name] = a
	}
	return a, nil
}

// conditionLocked returns nil when everything that was stored is where it should
// be, as far as the calls so far have shown. Otherwise, most serious first: a
// condition of the keychain that keeps the key from being read, ErrUnreadable,
// ErrNewer, ErrSlotPending (which also wraps its cause), ErrCorrupt. It asks
// nothing outside. The vault's mutex must be held.
func (v *Vault) conditionLocked() error {
	if v.key == nil && v.keyErr != nil {
		return v.keyErr
	}
	var pending, corrupt error
	for _, name := range slices.Sorted(maps.Keys(v.accounts)) {
		a := v.accounts[name]
		if a.unreadable != nil {
			return a.unreadable
		}
		for i, s := range a.slots {
			switch {
			case errors.Is(s.err, ErrNewer):
				return s.err
			case s.err != nil && corrupt == nil:
				corrupt = fmt.Errorf("keychain item %s: %w", slotItem(name, i), s.err)
			}
		}
		if a.pendingLocked() && pending == nil {
			pending = pendingError(name, a.slotErr)
		}
	}
	if pending != nil {
		return pending
	}
	return corrupt
}

func pendingError(account string, cause error) error {
	if cause == nil {
		return fmt.Errorf("account %s: %w", account, ErrSlotPending)
	}
	return fmt.Errorf("account %s: %w: %w", account, ErrSlotPending, cause)
}

// logCondition writes one line when the condition changed.
func (v *Vault) logCondition() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.conditionLocked()
	if errors.Is(now, ErrSlotPending) && !v.slotFailedLocked() {
		return // a commit whose slot write has not been tried yet
	}
	if errorText(now) == errorText(v.shown) {
		return
	}
	v.shown = now
	if now == nil {
		v.log.Info("vault in order", "backend", string(v.backend))
		return
	}
	v.log.Warn("vault condition", "backend", string(v.backend), "reason", now.Error())
}

// slotFailedLocked reports whether a slot was tried and could not be written.
func (v *Vault) slotFailedLocked() bool {
	for _, a := range v.accounts {
		if a.slotErr != nil {
			return true
		}
	}
	return false
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
