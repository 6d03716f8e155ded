package keychain

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

// left lists the files of a vault's directory but for its locks.
func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, f := range all {
		if !strings.Contains(f.Name(), "lock") {
			names = append(names, f.Name())
		}
	}
	return names
}

// A vault that holds nothing is forgotten: backend and passphrase can be chosen
// anew. One that holds anything stays as it is.
func TestDissolve(t *testing.T) {
	keep := func(t *testing.T, v *Vault) {
		if err := v.Commit(t.Context(), Record{Account: "home", Generation: 1, Lineage: "l", Refresh: redact.New("r")}); err != nil {
			t.Fatal(err)
		}
		if err := v.Settle(t.Context(), "home"); err != nil {
			t.Fatal(err)
		}
	}
	put := func(t *testing.T, v *Vault, name string) {
		if err := v.files.write(name, []byte("home")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		desc  string
		given func(*testing.T, *Vault)
		want  bool
	}{
		{"nothing in it", func(*testing.T, *Vault) {}, true},
		{"a session", keep, false},
		{"a session that was signed out of", func(t *testing.T, v *Vault) {
			keep(t, v)
			if err := v.Forget(t.Context(), "home"); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a larger secret", func(t *testing.T, v *Vault) {
			if err := v.PutSealed(t.Context(), "x", []byte("y")); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a larger secret that was removed", func(t *testing.T, v *Vault) {
			if err := errors.Join(v.PutSealed(t.Context(), "x", []byte("y")), v.PutSealed(t.Context(), "x", nil)); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a journal that cannot be read", func(t *testing.T, v *Vault) { put(t, v, "journal.home.0123456789abcdef") }, false},
		{"a torn journal", func(t *testing.T, v *Vault) { keep(t, v); put(t, v, journalName("home", v.heldKey())) }, false},
		{"one that was set aside", func(t *testing.T, v *Vault) { put(t, v, setAsidePrefix+"home.0123456789abcdef.1") }, false},
		{"a sign-out that is not finished", func(t *testing.T, v *Vault) { put(t, v, markPrefix+"home") }, false},
		{"an item of no account", func(t *testing.T, v *Vault) { put(t, v, itemName("home/a")) }, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			dir := t.TempDir()
			v := fileVault(t, dir)
			if err := v.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.given(t, v)
			before := left(t, dir)
			did, err := v.Dissolve(t.Context())
			if did != c.want || err != nil {
				t.Fatalf("dissolved: %v, %v; %v", did, err, before)
			}
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			if !did {
				if after := left(t, dir); !slices.Equal(after, before) {
					t.Errorf("%v became %v", before, after)
				}
				return
			}
			if after := left(t, dir); len(after) > 0 {
				t.Errorf("%v is left", after)
			}
			if b, err := Remembered(dir); b != "" || err != nil {
				t.Errorf("backend %q is remembered, %v", b, err)
			}
			again, err := Open(t.Context(), Options{Backend: File, Dir: dir, Passphrase: redact.New("another")})
			if err != nil {
				t.Fatal("with another passphrase:", err)
			}
			keep(t, again)
			_ = again.Close()
		})
	}
}

// A vault that somebody else has open is not theirs to lose.
func TestDissolveLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	one, two := fileVault(t, dir), fileVault(t, dir)
	if err := one.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if did, err := one.Dissolve(t.Context()); did || err != nil {
		t.Fatal(did, err)
	}
	if err := two.Commit(t.Context(), Record{Account: "home", Generation: 1, Lineage: "l"}); err != nil {
		t.Fatal(err)
	}
	_ = two.Close()
	if did, err := one.Dissolve(t.Context()); did || err != nil {
		t.Fatal(did, err)
	}
	_ = one.Close()
	v := fileVault(t, dir)
	if _, err := v.Load(t.Context(), "home"); err != nil {
		t.Error(err)
	}
}

// Killed anywhere in it, the vault opens again, with what was in it: nothing.
func TestDissolveThatIsCutOff(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		v := fileVault(t, dir)
		if err := v.Commit(t.Context(), Record{Account: "home", Generation: 1, Lineage: "l"}); err != nil {
			t.Fatal(err)
		}
		if err := v.Forget(t.Context(), "home"); err != nil {
			t.Fatal(err)
		}
		if !cutOff(t, "dissolving", at, func() { _, _ = v.Dissolve(t.Context()) }) {
			if at < 5 {
				t.Errorf("only %d steps", at)
			}
			return
		}
		_ = v.Close()
		again := fileVault(t, dir)
		if _, err := again.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
			t.Errorf("step %d: %v", at, err)
		}
		if err := again.Commit(t.Context(), Record{Account: "home", Generation: 9, Lineage: "m"}); err != nil {
			t.Errorf("step %d: %v; %v", at, err, left(t, dir))
		}
	}
}

// cutOff ends act at the n-th time that it reaches step, and reports whether it
// came that far.
func cutOff(t *testing.T, step string, n int, act func()) (cut bool) {
	t.Helper()
	defer func() {
		afterStep = nil
		if p := recover(); p != nil {
			if p != "cut off" {
				panic(p)
			}
			cut = true
		}
	}()
	afterStep = func(s string) {
		if s == step {
			if n--; n == 0 {
				panic("cut off")
			}
		}
	}
	act()
	return false
}
