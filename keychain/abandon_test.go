package keychain

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

// desktopVault is a vault of the OS backend on a keychain in memory.
func desktopVault(dir string, s store) *Vault {
	v := newVault(nil)
	v.backend, v.disk, v.store = OS, &diskFiles{dir: dir}, s
	v.files = v.disk
	return v
}

func keepSession(t *testing.T, v *Vault, account string, generation uint64) {
	t.Helper()
	r := Record{Account: account, Generation: generation, Lineage: "l", Refresh: redact.New("secret of " + account)}
	if err := v.Commit(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := v.Settle(t.Context(), account); err != nil {
		t.Fatal(err)
	}
}

// The keychain is gone: the account is forgotten without it, what stays there is
// named, and when it comes back it is cleaned.
func TestAbandonWithoutTheKeychain(t *testing.T) {
	dir, keychain := t.TempDir(), newMemoryStore()
	v := desktopVault(dir, keychain)
	keepSession(t, v, "home", 1)
	if err := v.PutSealed(t.Context(), "x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	if err := v.files.write(setAsidePrefix+"home.0123456789abcdef.1", []byte("torn")); err != nil {
		t.Fatal(err)
	}
	_ = v.Close()
	a, err := Abandon(t.Context(), dir, "home")
	if err != nil || a.Backend != OS || !a.Vault || !slices.Equal(a.Keychain, []string{"home/a", "home/b"}) {
		t.Fatalf("%+v, %v", a, err)
	}
	if rest := left(t, dir); !slices.Equal(rest, []string{"abandoned.home"}) {
		t.Errorf("%v is left", rest)
	}
	if b, err := Remembered(dir); b != "" || err != nil {
		t.Errorf("backend %q is remembered, %v", b, err)
	}
	if pending, err := PendingSignOuts(dir); len(pending) > 0 || err != nil {
		t.Errorf("pending %v, %v: there is no vault", pending, err)
	}

	// A file vault takes its place, and does not touch what is the keychain's.
	file := fileVault(t, dir)
	keepSession(t, file, "home", 1)
	if err := file.Finish(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := file.Load(t.Context(), "home"); err != nil {
		t.Error(err)
	}
	_ = file.Close()
	if rest := left(t, dir); !slices.Contains(rest, "abandoned.home") {
		t.Error("the mark is gone")
	}
}

func TestAbandonedIsCleanedWhenTheKeychainIsBack(t *testing.T) {
	for _, again := range []bool{false, true} {
		dir, keychain := t.TempDir(), newMemoryStore()
		v := desktopVault(dir, keychain)
		keepSession(t, v, "home", 1)
		keepSession(t, v, "work", 1)
		_ = v.Close()
		a, err := Abandon(t.Context(), dir, "home")
		if err != nil || a.Vault {
			t.Fatalf("%+v, %v", a, err)
		}
		if pending, err := PendingSignOuts(dir); !slices.Equal(pending, []string{"home"}) || err != nil {
			t.Errorf("pending %v, %v", pending, err)
		}
		v = desktopVault(dir, keychain)
		if again {
			r, err := v.LoadAny(t.Context(), "home")
			if err != nil {
				t.Fatal(err)
			}
			keepSession(t, v, "home", r.Generation+1)
		}
		if err := v.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = v.Close()
		v = desktopVault(dir, keychain)
		if _, err := v.Load(t.Context(), "home"); errors.Is(err, ErrNotFound) == again {
			t.Errorf("signed in again: %v; load: %v", again, err)
		}
		if _, err := v.Load(t.Context(), "work"); err != nil {
			t.Error(err)
		}
		if slices.Contains(left(t, dir), "abandoned.home") {
			t.Error("the mark stays")
		}
		for item, value := range keychain.items {
			if !again && strings.Contains(value, "secret of home") {
				t.Errorf("the keychain still has %s", item)
			}
		}
		_ = v.Close()
	}
}

// The passphrase is lost: nothing can be opened, and the way out needs none.
func TestAbandonWithoutThePassphrase(t *testing.T) {
	dir := t.TempDir()
	v := fileVault(t, dir)
	keepSession(t, v, "home", 1)
	keepSession(t, v, "work", 1)
	_ = v.Close()
	a, err := Abandon(t.Context(), dir, "home")
	if err != nil || a.Backend != File || a.Vault || len(a.Keychain) > 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	v = fileVault(t, dir)
	if _, err := v.Load(t.Context(), "work"); err != nil {
		t.Error("the other account:", err)
	}
	if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	_ = v.Close()
	if a, err = Abandon(t.Context(), dir, "work"); err != nil || !a.Vault {
		t.Fatalf("%+v, %v", a, err)
	}
	if rest := left(t, dir); len(rest) > 0 {
		t.Errorf("%v is left", rest)
	}
	again, err := Open(t.Context(), Options{Backend: File, Dir: dir, Passphrase: redact.New("a new one")})
	if err != nil {
		t.Fatal(err)
	}
	keepSession(t, again, "home", 1)
	_ = again.Close()
}

// Signing out leaves nothing of journals that could not be read.
func TestForgetRemovesWhatWasSetAside(t *testing.T) {
	dir := t.TempDir()
	v := fileVault(t, dir)
	keepSession(t, v, "home", 1)
	for _, name := range []string{setAsidePrefix + "home.0123456789abcdef.1", setAsidePrefix + "other.0123456789abcdef.1",
		journalName("home", v.heldKey())} {
		if err := v.files.write(name, []byte("torn")); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Forget(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	names, err := v.files.list(setAsidePrefix)
	if err != nil || !slices.Equal(names, []string{setAsidePrefix + "other.0123456789abcdef.1"}) {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// Killed anywhere in it, the same once more ends it, and nothing stands in the
// way of another sign-in.
func TestAbandonThatIsCutOff(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		v := fileVault(t, dir)
		keepSession(t, v, "home", 1)
		if err := v.PutSealed(t.Context(), "x", []byte("y")); err != nil {
			t.Fatal(err)
		}
		_ = v.Close()
		if !cutOff(t, "abandoning", at, func() { _, _ = Abandon(t.Context(), dir, "home") }) {
			if at < 6 {
				t.Errorf("only %d steps", at)
			}
			return
		}
		if a, err := Abandon(t.Context(), dir, "home"); err != nil || !a.Vault {
			t.Errorf("step %d: %+v, %v", at, a, err)
		}
		again, err := Open(t.Context(), Options{Backend: File, Dir: dir, Passphrase: redact.New("a new one")})
		if err != nil {
			t.Errorf("step %d: %v; %v", at, err, left(t, dir))
			continue
		}
		keepSession(t, again, "home", 1)
		_ = again.Close()
	}
}
