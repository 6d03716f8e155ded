package players

import (
	"crypto/sha256"
	"encoding/hex"
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

// passes reports whether the secret is one of the account's, and of which id.
func passes(g *Grants, account, secret string) bool {
	c, err := g.verify(account, secret)
	if err != nil && !errors.Is(err, ErrNoGrant) {
		panic(err)
	}
	return err == nil && c.Grant != "" && c.Scope != ""
}

// The life of a grant: each step depends on the one before, so they stand in one test.
func TestGrantLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "grants.json")
	g := open(t, path)
	if _, err := os.Stat(path); err == nil {
		t.Error("opening wrote the file")
	}
	if passes(g, "home", "") {
		t.Error("no grant, yet the empty secret passes")
	}
	if passes(g, "home", strings.Repeat("\x00", 32)) {
		t.Error("no grant, yet a secret passes")
	}
	first := must(t)(g.Add("home", "mpv", ScopeListen))
	if !strings.HasPrefix(first, "sk_") || len(first) != len("sk_")+43 {
		t.Errorf("secret has the form %q…", first[:3])
	}
	if _, err := g.Add("home", "mpv", ScopeFull); !errors.Is(err, ErrExists) {
		t.Errorf("a second grant of that name: %v", err)
	}
	second := must(t)(g.Add("home", "Music Assistant", ScopeFull))
	other := must(t)(g.Add("work", "mpv", ScopeAdmin))
	for i, g := range []*Grants{g, open(t, path)} {
		if !passes(g, "home", first) || !passes(g, "home", second) || !passes(g, "work", other) {
			t.Errorf("store %d: the secret does not pass", i)
		}
		if passes(g, "home", other) || passes(g, "home", first+"x") || passes(g, "home", first[:20]) || passes(g, "none", first) {
			t.Errorf("store %d: a wrong secret passes", i)
		}
		all := g.List("")
		if len(all) != 3 || all[0].Account != "home" || all[2].Account != "work" || all[2].Scope != ScopeAdmin || all[2].Created.IsZero() {
			t.Errorf("store %d: %+v", i, all)
		}
		if c, err := g.verify("home", second); err != nil || c.Scope != ScopeFull {
			t.Errorf("store %d: %+v, %v", i, c, err)
		}
	}
	if err := g.Revoke("home", "mpv"); err != nil {
		t.Fatal(err)
	}
	if err := g.Revoke("home", "mpv"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err := g.Revoke("home", g.List("work")[0].ID); !errors.Is(err, ErrNotFound) {
		t.Error("another account's grant can be revoked")
	}
	for i, g := range []*Grants{g, open(t, path)} {
		if passes(g, "home", first) || !passes(g, "home", second) || !passes(g, "work", other) {
			t.Errorf("store %d: after revoking", i)
		}
	}
	for range 2 {
		if err := g.Forget("home"); err != nil {
			t.Fatal(err)
		}
	}
	if passes(g, "home", second) || !passes(g, "work", other) || len(open(t, path).List("home")) != 0 {
		t.Error("after forgetting the account")
	}
	for _, name := range []string{"", " x", "a\nb", strings.Repeat("x", 65)} {
		if _, err := g.Add("home", name, ScopeListen); err == nil {
			t.Errorf("a grant called %q", name)
		}
	}
}

func TestSecretIsNotInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grants.json")
	secret := must(t)(open(t, path).Add("home", "mpv", ScopeListen))
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
		{"newer", `{"version":3,"grants":{"of":"another shape"}}`, ErrNewer},
		{"half written", `{"version":1,"gra`, ErrUnreadable},
		{"empty", ``, ErrUnreadable},
		{"no version", `{"grants":[]}`, ErrUnreadable},
		{"short hash", `{"version":1,"grants":[{"account":"a","sha256":"abcd"}]}`, ErrUnreadable},
		{"no account", `{"version":1,"grants":[{"sha256":"` + hash + `"}]}`, ErrUnreadable},
		{"no scope", `{"version":2,"grants":[{"account":"a","name":"x","kind":"secret","sha256":"` + hash + `"}]}`, ErrUnreadable},
		{"scope unknown", `{"version":2,"grants":[{"account":"a","name":"x","kind":"secret","scope":"god","sha256":"` + hash + `"}]}`,
			ErrUnreadable},
		{"another id", `{"version":2,"grants":[{"id":"1","account":"a","name":"x","kind":"secret","scope":"listen","sha256":"` + hash + `"}]}`,
			ErrUnreadable},
		{"the same twice", `{"version":1,"grants":[{"account":"a","sha256":"` + hash + `"},{"account":"b","sha256":"` + hash + `"}]}`,
			ErrUnreadable},
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
	first := must(t)(g.Add("home", "mpv", ScopeListen))
	// A directory that is not empty cannot be replaced by the temporary file.
	if err := os.MkdirAll(filepath.Join(path+".tmp", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Add("home", "vlc", ScopeListen); err == nil {
		t.Fatal("no error")
	}
	if err := g.Revoke("home", "mpv"); err == nil {
		t.Fatal("no error")
	}
	if !passes(g, "home", first) || !passes(open(t, path), "home", first) || len(g.List("")) != 1 {
		t.Error("the grant is gone")
	}
}

// What version 1 knew goes on to pass, and is written in the new form with the
// next change.
func TestFirstVersionMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grants.json")
	sum := sha256.Sum256([]byte("sk_old"))
	file := `{"version":1,"grants":[{"account":"home","sha256":"` + hex.EncodeToString(sum[:]) + `","created":"2026-01-02T03:04:05Z"}]}`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	g := open(t, path)
	before := g.List("home")
	if !passes(g, "home", "sk_old") || len(before) != 1 || before[0].Name != FirstName || before[0].Scope != ScopeListen ||
		before[0].Created.Year() != 2026 {
		t.Fatalf("%+v", before)
	}
	must(t)(g.Add("home", "new", ScopeFull))
	after := open(t, path)
	if !passes(after, "home", "sk_old") || after.List("home")[0].ID != before[0].ID {
		t.Errorf("%+v", after.List("home"))
	}
}
