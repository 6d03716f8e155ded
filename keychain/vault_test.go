package keychain

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/redact"
)

func mustOpen(t *testing.T, o Options) *Vault {
	t.Helper()
	v, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func record(generation uint64) Record {
	return Record{Lineage: "l", Generation: generation, Account: "home", Refresh: redact.New("refresh")}
}

// put commits and settles a record.
func put(t *testing.T, v *Vault, r Record) {
	t.Helper()
	if err := v.Commit(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := v.Settle(t.Context(), r.Account); err != nil {
		t.Fatal(err)
	}
}

// The memory backend must run on a bubble's clock, waiting included.
func TestMemoryInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := mustOpen(t, Options{Backend: Memory})
		put(t, v, record(1))
		if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, record(1)) {
			t.Fatal(got, err)
		}
		release, err := v.Acquire(t.Context(), "home")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if _, err := v.Acquire(ctx, "home"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("a held lock: %v after %s", err, time.Since(start))
		}
		other, err := v.Acquire(t.Context(), "work")
		if err != nil {
			t.Fatal("another account's lock:", err)
		}
		other()
		got := make(chan error)
		go func() {
			again, err := v.Acquire(t.Context(), "home")
			if err == nil {
				again()
			}
			got <- err
		}()
		synctest.Wait()
		release()
		release()
		if err := <-got; err != nil {
			t.Error(err)
		}
		if v.condition() != nil || v.Backend() != Memory {
			t.Error(v.condition(), v.Backend())
		}
	})
}

func TestForgetWhileLockedHoldsAfterwards(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	v := vaultOn(f, s)
	put(t, v, record(1))
	put(t, v, record(2))
	s.be(locked)
	if err := v.Forget(t.Context(), "home"); !errors.Is(err, ErrSlotPending) {
		t.Fatal(err)
	}
	s.be(works)
	v = vaultOn(f, s)
	if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old slots resurrect: %v", err)
	}
	if r, err := v.LoadAny(t.Context(), "home"); err != nil || !r.Tombstone || r.Generation != 3 {
		t.Errorf("got %+v, %v", r, err)
	}
	if !errors.Is(v.condition(), ErrSlotPending) {
		t.Errorf("condition: %v", v.condition())
	}
	if err := v.Settle(t.Context(), "home"); err != nil || v.condition() != nil {
		t.Errorf("settle: %v, %v", err, v.condition())
	}
	if len(s.items) != 2 { // the key and the tombstone
		t.Errorf("%d items are left", len(s.items))
	}
	if _, err := vaultOn(newMemoryFiles(), s).Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Errorf("without the journal: %v", err)
	}
	next, err := v.nextGeneration(t.Context(), "home")
	if err != nil || next != 4 {
		t.Errorf("next generation %d, %v", next, err)
	}
}

func TestSealedSecrets(t *testing.T) {
	f, s := newMemoryFiles(), newFaultStore()
	v := vaultOn(f, s)
	ctx := t.Context()
	if _, err := v.Sealed(ctx, "gateway"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	big := strings.Repeat("client key ", 5000)
	for name, value := range map[string]string{"gateway": big, "key": "k"} {
		if err := v.PutSealed(ctx, name, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	v = vaultOn(f, s)
	if got, err := v.Sealed(ctx, "gateway"); err != nil || string(got) != big {
		t.Error(len(got), err)
	}
	if err := v.PutSealed(ctx, "key", nil); err != nil {
		t.Error(err)
	}
	if _, err := v.Sealed(ctx, "key"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	name := sealedPrefix + v.heldKey().id
	if strings.Contains(string(f.content[name]), "client") {
		t.Error("it lies open")
	}
	f.content[name][60] ^= 1
	if _, err := v.Sealed(ctx, "gateway"); !errors.Is(err, ErrUnreadable) {
		t.Error(err)
	}
	if err := v.PutSealed(ctx, "x", []byte("y")); !errors.Is(err, ErrUnreadable) {
		t.Errorf("an unreadable file is overwritten: %v", err)
	}
}

// stuckStore hangs until its context ends.
type stuckStore struct{ entered chan struct{} }

func (s stuckStore) wait(ctx context.Context) error {
	s.entered <- struct{}{}
	<-ctx.Done()
	return context.Cause(ctx)
}
func (s stuckStore) get(ctx context.Context, _ string) (string, error) { return "", s.wait(ctx) }
func (s stuckStore) set(ctx context.Context, _, _ string) error        { return s.wait(ctx) }
func (s stuckStore) delete(ctx context.Context, _ string) error        { return s.wait(ctx) }

// While one call waits for the keychain, what needs only the journal goes on;
// what needs the keychain too is told so in time; Close ends it.
func TestHangingCallDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newMemoryFiles(), newFaultStore()
		v := vaultOn(f, s)
		put(t, v, record(1))
		stuck := stuckStore{make(chan struct{}, 9)}
		v.store = stuck
		ctx := t.Context()
		if err := v.Commit(ctx, record(2)); err != nil {
			t.Fatal(err)
		}
		settled := make(chan error, 1)
		go func() { settled <- v.Settle(WithPrompt(ctx), "home") }()
		<-stuck.entered
		start := time.Now()
		if err := v.Commit(ctx, record(3)); err != nil {
			t.Error(err)
		}
		if got, err := v.Load(ctx, "home"); err != nil || got.Generation != 3 {
			t.Error(got, err)
		}
		if time.Since(start) != 0 {
			t.Errorf("they waited %s", time.Since(start))
		}
		if err := v.Settle(ctx, "home"); !errors.Is(err, ErrHanging) || time.Since(start) != callTimeout {
			t.Errorf("a second settle: %v after %s", err, time.Since(start))
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if err := <-settled; !errors.Is(err, ErrClosed) {
			t.Errorf("the hanging call: %v", err)
		}
		if _, err := v.Load(ctx, "home"); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
