package keychain

import (
	"context"
	"errors"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain/keyringtest"
)

// waitAsking waits for the dialog in which KeePassXC asks its user.
func waitAsking(t *testing.T, k *keyringtest.KeePassXC) {
	t.Helper()
	until(t, "KeePassXC asks", k.Asking)
}

// quiet fails when a window is on the screen that nobody asked for.
func quiet(t *testing.T, k *keyringtest.KeePassXC, when string) {
	t.Helper()
	if windows := k.Windows(); len(windows) > 0 {
		t.Errorf("%s: on the screen: %q", when, windows)
	}
}

// asked runs what a user has asked for, while KeePassXC asks back.
func asked(t *testing.T, k *keyringtest.KeePassXC, allow bool, do func(context.Context) error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do(WithPrompt(t.Context())) }()
	waitAsking(t, k)
	k.Answer(allow)
	return <-done
}

// answering is the context of something that a user has asked for, who types the
// password when KeePassXC wants it.
func answering(t *testing.T, k *keyringtest.KeePassXC) context.Context {
	typed := make(chan struct{})
	go func() {
		defer close(typed)
		k.Unlock()
	}()
	t.Cleanup(func() { <-typed })
	return WithPrompt(t.Context())
}

// KeePassXC that lets clients in: sign-in, renewals, its end and return, a lock. No
// dialog at any time.
func TestKeePassXCWithoutConfirmation(t *testing.T) {
	k := keyringtest.StartKeePassXC(t, false)
	dir := t.TempDir()
	v := osVault(t, dir)
	for g := range uint64(4) {
		put(t, v, fullRecord(g+1))
	}
	quiet(t, k, "after four generations")
	k.Kill()
	if err := v.Commit(t.Context(), fullRecord(5)); err != nil {
		t.Fatal(err)
	}
	if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrAbsent) {
		t.Errorf("killed: %v", err)
	}
	k.Restart() // it may have lost what it had not yet saved, the key among it
	if err := v.Settle(t.Context(), "home"); err != nil {
		t.Errorf("back: %v", err)
	}
	again := osVault(t, dir) // the next start
	if got, err := again.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(5)) {
		t.Errorf("the next start: %+v, %v", got, err)
	}
	k.Lock()
	if _, err := osVault(t, dir).Load(t.Context(), "home"); !errors.Is(err, ErrLocked) {
		t.Errorf("locked: %v", err)
	}
	put2 := fullRecord(6)
	put2.Password = StoredPassword(redact.New(`"}{TITLE}{USERNAME}{REF:P@T:x}`)) // KeePassXC replaces placeholders
	if err := again.Commit(t.Context(), put2); err != nil {
		t.Errorf("locked later: %v", err)
	}
	quiet(t, k, "locked")
	third := osVault(t, dir)
	if got, err := third.Load(answering(t, k), "home"); err != nil || !sameRecord(got, put2) {
		t.Errorf("unlocked by its user: %+v, %v", got, err)
	}
	if err := third.Settle(t.Context(), "home"); err != nil {
		t.Errorf("unlocked: %v", err)
	}
	if got, err := osVault(t, t.TempDir()).Load(t.Context(), "home"); err != nil || !sameRecord(got, put2) {
		t.Errorf("the keychain alone: %+v, %v", got, err)
	}
	until(t, "the screen is empty", func() bool { return len(k.Windows()) == 0 })
}

// KeePassXC as it is after its installation: it asks for each client, and remembers
// the answer for one connection. Ours lasts as long as the vault.
func TestKeePassXCThatConfirms(t *testing.T) {
	k := keyringtest.StartKeePassXC(t, true)
	dir := t.TempDir()
	v := osVault(t, dir)
	for g := range uint64(4) {
		put(t, v, fullRecord(g+1))
	}
	quiet(t, k, "what we made ourselves")
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}

	// The next start: another connection. Nobody is asked unasked, however often.
	v = osVault(t, dir)
	v.store.(*osStore).idle = time.Millisecond // the helper lives on nevertheless
	for range 5 {
		if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrLocked) {
			t.Fatalf("unasked: %v", err)
		}
	}
	quiet(t, k, "unasked")

	// The user clicks and refuses; later the user allows. One dialog each.
	if err := asked(t, k, false, v.Unlock); !errors.Is(err, ErrDenied) {
		t.Errorf("refused: %v", err)
	}
	until(t, "the dialog is gone", func() bool { return !k.Asking() })
	if err := asked(t, k, true, v.Unlock); err != nil {
		t.Fatalf("allowed: %v", err)
	}
	until(t, "the dialog is gone", func() bool { return !k.Asking() })
	if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(4)) {
		t.Fatalf("allowed: %+v, %v", got, err)
	}
	for g := range uint64(4) {
		put(t, v, fullRecord(g+5)) // both items are overwritten
		quiet(t, k, "a renewal after it was allowed")
	}
	if err := v.condition(); err != nil {
		t.Error(err)
	}

	// KeePassXC that ends forgets what it had allowed. The journal goes on.
	k.Kill()
	if err := v.Commit(t.Context(), fullRecord(9)); err != nil {
		t.Fatal(err)
	}
	if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrAbsent) {
		t.Errorf("killed: %v", err)
	}
	k.Restart()
	for range 3 {
		if err := v.Settle(t.Context(), "home"); !errors.Is(err, ErrLocked) {
			t.Errorf("back, unasked: %v", err)
		}
	}
	quiet(t, k, "back")
	settle := func(ctx context.Context) error { return v.Settle(ctx, "home") }
	if err := asked(t, k, true, settle); err != nil || v.condition() != nil {
		t.Errorf("back, asked: %v, %v", err, v.condition())
	}
}

// A dialog that nobody answers holds one call. Nothing raises a second one, the
// keychain's signals included; its late answer counts.
func TestKeePassXCDialogThatHangs(t *testing.T) {
	k := keyringtest.StartKeePassXC(t, true)
	dir := t.TempDir()
	first := osVault(t, dir)
	put(t, first, fullRecord(1))
	put(t, first, fullRecord(2))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	changes := make(chan struct{}, 64)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, func() { changes <- struct{}{} })
	}()
	defer func() {
		cancel()
		<-ended
	}()

	v := osVault(t, dir)
	s := v.store.(*osStore)
	s.limit = 8 * time.Second
	if err := s.set(WithPrompt(t.Context()), "home/a", "x"); !errors.Is(err, ErrHanging) {
		t.Fatalf("nobody answers: %v", err)
	}
	waitAsking(t, k) // KeePassXC leaves its dialog there
	s.limit = patience
	for range 5 {
		if err := s.set(t.Context(), "home/a", "x"); !errors.Is(err, ErrLocked) {
			t.Fatalf("unasked: %v", err)
		}
	}
	if n := len(k.Windows()); n != 1 {
		t.Errorf("%d dialogs are on the screen: %q", n, k.Windows())
	}
	select {
	case <-changes:
		t.Error("a dialog counts as a change of the keychain, upon which writes are tried again")
	case <-time.After(silence):
	}
	k.Answer(true)
	until(t, "the dialog is gone", func() bool { return !k.Asking() })
	if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(2)) {
		t.Errorf("allowed in the end: %+v, %v", got, err)
	}
}
