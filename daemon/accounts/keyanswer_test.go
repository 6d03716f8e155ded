package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// An answer holds for one user of one account, in every process, and a file that
// nobody can read costs one more question.
func TestKeyAnswers(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	add := func(name, user string) Account {
		t.Helper()
		a, err := b.Add(t.Context(), Account{Name: name, Server: "https://abs.example", Username: user, UserID: user, Method: OIDC,
			Store: "file"}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	says := func(desc, name string, want KeyAnswer) {
		t.Helper()
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.KeyAnswer(name); got != want || err != nil {
			t.Errorf("%s: %q, %v", desc, got, err)
		}
	}
	says("before there is an account", "home", KeyUnasked)
	home := add("home", "root")
	add("other", "alice")
	says("nobody was asked", "home", KeyUnasked)
	for _, answer := range []KeyAnswer{KeyDeclined, KeyMade, KeyDeclined} {
		if err := b.RememberKeyAnswer(t.Context(), "home", answer); err != nil {
			t.Fatal(err)
		}
		says("answered", "home", answer)
		says("another account", "other", KeyUnasked)
	}
	if _, err := b.Rename(t.Context(), "home", "attic"); err != nil {
		t.Fatal(err)
	}
	says("under its new name", "attic", KeyDeclined)
	home.UserID, home.Username = "bob", "bob"
	if err := b.Put(t.Context(), home); err != nil {
		t.Fatal(err)
	}
	says("another user's by now", "home", KeyUnasked)
	if err := b.RememberKeyAnswer(t.Context(), "nobody", KeyMade); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no account: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, keyAnswersName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := b.KeyAnswer("home"); got != KeyUnasked || err == nil {
		t.Errorf("unreadable: %q, %v", got, err)
	}
	if err := b.RememberKeyAnswer(t.Context(), "home", KeyMade); err != nil {
		t.Fatal(err)
	}
	says("written anew", "home", KeyMade)
}
