package keychain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

var passphrase = redact.New("correct horse")

func fileVault(t *testing.T, dir string) *Vault {
	t.Helper()
	return mustOpen(t, Options{Backend: File, Dir: dir, Passphrase: passphrase})
}

func TestFileBackend(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	v := fileVault(t, dir)
	if _, err := v.Load(t.Context(), "home"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	put(t, v, fullRecord(1))
	put(t, v, fullRecord(2))
	_ = v.Close()

	v = mustOpen(t, Options{Dir: dir, Passphrase: passphrase}) // remembered
	if v.Backend() != File {
		t.Error(v.Backend())
	}
	if got, err := v.Load(t.Context(), "home"); err != nil || !sameRecord(got, fullRecord(2)) {
		t.Fatal(got, err)
	}
	for _, p := range []redact.Secret{{}, redact.New("wrong")} {
		if _, err := Open(t.Context(), Options{Dir: dir, Passphrase: p}); !errors.Is(err, ErrPassphrase) {
			t.Errorf("passphrase %q: %v", p.Reveal(), err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		for _, secret := range []string{"refresh.token", "pass&", "api-key", "correct horse", "AGE-SECRET"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// An item's file under another's name is not that other item.
	older, newer := filepath.Join(dir, itemName("home/a")), filepath.Join(dir, itemName("home/b"))
	data, err := os.ReadFile(newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(older, data, 0o600); err != nil {
		t.Fatal(err)
	}
	v = fileVault(t, dir)
	if _, err := v.Load(t.Context(), "home"); err != nil || !errors.Is(v.condition(), ErrCorrupt) {
		t.Errorf("load: %v, condition %v", err, v.condition())
	}
}

func TestLostIdentityIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	put(t, fileVault(t, dir), record(1))
	if err := os.Remove(filepath.Join(dir, identityName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir, Passphrase: passphrase}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, identityName), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir, Passphrase: passphrase}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("torn: %v", err)
	}
}

func TestBackendIsRemembered(t *testing.T) {
	dir := t.TempDir()
	helper := []string{"true"}
	// Looking decides nothing.
	if v := mustOpen(t, Options{Dir: dir, Helper: helper}); v.Backend() != OS {
		t.Error(v.Backend())
	}
	if _, err := os.Stat(filepath.Join(dir, markerName)); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking left a mark:", err)
	}
	put(t, fileVault(t, dir), record(1))
	_, err := Open(t.Context(), Options{Backend: OS, Dir: dir, Helper: helper})
	if !errors.Is(err, ErrBackend) || !strings.Contains(err.Error(), `"file"`) || !strings.Contains(err.Error(), `"os"`) {
		t.Errorf("got %v", err)
	}
	marker := filepath.Join(dir, markerName)
	if err := os.Remove(marker); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Backend: OS, Dir: dir, Helper: helper}); !errors.Is(err, ErrBackend) {
		t.Errorf("without its mark: %v", err)
	}
	for content, want := range map[string]error{
		`{"version":2,"backend":"cloud"}`: ErrNewer,
		`{"version":1,"backend":"cloud"}`: ErrUnreadable,
		`{"version":`:                     ErrUnreadable,
	} {
		if err := os.WriteFile(marker, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), Options{Dir: dir, Passphrase: passphrase}); !errors.Is(err, want) {
			t.Errorf("%s: %v", content, err)
		}
		if got, _ := os.ReadFile(marker); string(got) != content {
			t.Errorf("%s was changed to %s", content, got)
		}
	}
	for _, o := range []Options{{Backend: "cloud", Dir: t.TempDir()}, {Backend: OS}, {Backend: OS, Dir: t.TempDir()}} {
		if _, err := Open(t.Context(), o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestPassphraseFromEnv(t *testing.T) {
	t.Setenv(passphraseVariable, "")
	_ = os.Unsetenv(passphraseVariable)
	file := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(file, []byte("from file\r\nsecond line"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := PassphraseFromEnv(); !p.IsEmpty() || err != nil {
		t.Error("there is none:", err)
	}
	t.Setenv(passphraseFileVariable, file)
	t.Setenv(passphraseVariable, "") // empty is none
	if p, err := PassphraseFromEnv(); err != nil || p.Reveal() != "from file" {
		t.Error("file:", err)
	}
	t.Setenv(passphraseFileVariable, file)
	t.Setenv(passphraseVariable, "direct")
	if p, err := PassphraseFromEnv(); err != nil || p.Reveal() != "direct" {
		t.Error("variable:", err)
	}
	for _, name := range []string{passphraseVariable, passphraseFileVariable} {
		if _, there := os.LookupEnv(name); there {
			t.Errorf("%s is still set", name)
		}
	}
}

// A file that should hold the passphrase and does not is named with the cause.
func TestPassphraseFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, cause := range map[string]string{
		filepath.Join(dir, "none"):                   "none: no such file",
		write("empty", ""):                           "empty is empty",
		write("line", "\nsecond"):                    "the first line of ",
		write("blank", "\r\n"):                       "the first line of ",
		write("endless", strings.Repeat("x", 1<<20)): "more than 4096 bytes",
		dir: "is a directory",
		filepath.Join(write("file", "x"), "inner"): "not a directory",
	} {
		t.Setenv(passphraseVariable, "")
		t.Setenv(passphraseFileVariable, path)
		p, err := PassphraseFromEnv()
		if !p.IsEmpty() || !errors.Is(err, ErrPassphrase) || !strings.Contains(fmt.Sprint(err), passphraseFileVariable) ||
			!strings.Contains(fmt.Sprint(err), cause) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A wrong passphrase is tried once, until it or what it should open changes.
func TestWrongPassphraseIsTriedOnce(t *testing.T) {
	dir := t.TempDir()
	fileVault(t, dir)
	var wrong WrongPassphrase
	open := func(p string) error {
		v, err := Open(t.Context(), Options{Backend: File, Dir: dir, Passphrase: redact.New(p), Wrong: &wrong})
		if err == nil {
			_ = v.Close()
		}
		return err
	}
	tries := func(want bool, p string) {
		t.Helper()
		before := wrong.tried
		err := open(p)
		if !errors.Is(err, ErrPassphrase) || !strings.HasSuffix(err.Error(), "is wrong") {
			t.Fatal(err)
		}
		if got := wrong.tried > before; got != want {
			t.Errorf("%q was tried: %v", p, got)
		}
	}
	tries(true, "first")
	tries(false, "first")
	tries(true, "second")
	tries(false, "second")
	if err := open(passphrase.Reveal()); err != nil {
		t.Fatal("the right one:", err)
	}
	if err := os.Remove(filepath.Join(dir, identityName)); err != nil {
		t.Fatal(err)
	}
	if v, err := Open(t.Context(), Options{Backend: File, Dir: dir, Passphrase: redact.New("third")}); err != nil {
		t.Fatal(err)
	} else {
		_ = v.Close()
	}
	tries(true, "second") // another identity
}

// Two vaults on one directory are what two processes are: the file lock keeps
// them apart, and a goroutine of the same vault as well.
func TestAcquireAcrossVaults(t *testing.T) {
	dir := t.TempDir()
	one, two := fileVault(t, dir), fileVault(t, dir)
	release, err := one.Acquire(t.Context(), "home")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []*Vault{one, two} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
		if _, err := v.Acquire(ctx, "home"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a held lock: %v", err)
		}
		cancel()
	}
	other, err := two.Acquire(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	other()
	got := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		again, err := two.Acquire(ctx, "home")
		if err == nil {
			again()
		}
		got <- err
	}()
	release()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
