package players

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

func open(t *testing.T, path string) *Grants {
	t.Helper()
	g, err := OpenGrants(path)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func must(t *testing.T) func(redact.Secret, error) string {
	return func(s redact.Secret, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s.Reveal()
	}
}

func TestGrantLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "grants.json")
	g := open(t, path)
	if _, err := os.Stat(path); err == nil {
		t.Error("opening wrote the file")
	}
	if g.Verify("home", "") {
		t.Error("no grant, yet the empty secret passes")
	}
	if g.Verify("home", strings.Repeat("\x00", 32)) {
		t.Error("no grant, yet a secret passes")
	}
	first := must(t)(g.Create("home"))
	if !strings.HasPrefix(first, "sk_") || len(first) != len("sk_")+43 {
		t.Errorf("secret has the form %q…", first[:3])
	}
	if _, err := g.Create("home"); !errors.Is(err, ErrExists) {
		t.Errorf("a second grant: %v", err)
	}
	other := must(t)(g.Create("work"))
	for i, g := range []*Grants{g, open(t, path)} {
		if !g.Verify("home", first) || !g.Of("work").Verify(other) {
			t.Errorf("store %d: the secret does not pass", i)
		}
		if g.Verify("home", other) || g.Verify("home", first+"x") || g.Verify("home", first[:20]) || g.Verify("none", first) {
			t.Errorf("store %d: a wrong secret passes", i)
		}
		if _, ok := g.Created("home"); !ok {
			t.Errorf("store %d: no date", i)
		}
	}
	second := must(t)(g.Replace("home"))
	if g.Verify("home", first) || !g.Verify("home", second) || first == second {
		t.Error("the old secret must be void, the new one good")
	}
	if err := g.Revoke("home"); err != nil {
		t.Fatal(err)
	}
	if err := g.Revoke("home"); err != nil {
		t.Error(err)
	}
	for i, g := range []*Grants{g, open(t, path)} {
		if g.Verify("home", second) || g.Verify("home", "") || !g.Verify("work", other) {
			t.Errorf("store %d: after revoking", i)
		}
	}
	if _, err := g.Create(""); err == nil {
		t.Error("a grant for no account")
	}
}

func TestSecretIsNotInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grants.json")
	secret := must(t)(open(t, path).Create("home"))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), secret[3:]) || !json.Valid(raw) {
		t.Errorf("file: %s", raw)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestBadFilesAreLeftUntouched(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, c := range []struct {
		desc, file string
		want       error
	}{
		{"newer", `{"version":2,"grants":{"of":"another shape"}}`, ErrNewer},
		{"half written", `{"version":1,"gra`, ErrUnreadable},
		{"empty", ``, ErrUnreadable},
		{"no version", `{"grants":[]}`, ErrUnreadable},
		{"short hash", `{"version":1,"grants":[{"account":"a","sha256":"abcd"}]}`, ErrUnreadable},
		{"no account", `{"version":1,"grants":[{"sha256":"` + hash + `"}]}`, ErrUnreadable},
		{"other shape", `{"version":1,"grants":{}}`, ErrUnreadable},
	} {
		t.Run(c.desc, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "grants.json")
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenGrants(path); !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
			if raw, err := os.ReadFile(path); err != nil || string(raw) != c.file {
				t.Errorf("the file became %q, %v", raw, err)
			}
		})
	}
}

// A grant that could not be stored is none: neither in memory nor on disk.
func TestFailedWriteChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "grants.json")
	g := open(t, path)
	first := must(t)(g.Create("home"))
	// A directory that is not empty cannot be replaced by the temporary file.
	if err := os.MkdirAll(filepath.Join(path+".tmp", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Replace("home"); err == nil {
		t.Fatal("no error")
	}
	if err := g.Revoke("home"); err == nil {
		t.Fatal("no error")
	}
	if !g.Verify("home", first) || !open(t, path).Verify("home", first) {
		t.Error("the grant is gone")
	}
}
