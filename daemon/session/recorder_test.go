package session

import (
	"testing"

	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// What the records before and after say of the attempt between them.
func TestLandedNamesTheAttempt(t *testing.T) {
	first, second, spare, next := redact.New("a"), redact.New("b"), redact.New("c"), redact.New("next")
	for _, c := range []struct {
		desc          string
		before, after keychain.Record
		want          history.Kind
	}{
		{"a renewal", keychain.Record{Refresh: first}, keychain.Record{Refresh: second, Previous: first}, history.Refresh},
		{"a renewal that says the password was not changed", keychain.Record{Refresh: first,
			NewPassword: keychain.StoredPassword(next)}, keychain.Record{Refresh: second, Previous: first}, history.Refresh},
		{"a change on a release that keeps the session", keychain.Record{Refresh: first,
			NewPassword: keychain.StoredPassword(next)}, keychain.Record{Refresh: first}, history.Change},
		{"a change that brings a pair", keychain.Record{Refresh: first, NewPassword: keychain.StoredPassword(next)},
			keychain.Record{Refresh: second}, history.Change},
		{"the spare's renewal", keychain.Record{Refresh: first, Spare: spare}, keychain.Record{Refresh: first, Spare: second}, history.Spare},
		{"the spare's promotion", keychain.Record{Refresh: first, Spare: spare}, keychain.Record{Refresh: second}, history.Spare},
		{"a sign-in", keychain.Record{Refresh: first}, keychain.Record{Refresh: second}, history.Login},
	} {
		if got, _ := attemptBetween(c.before, c.after); got != c.want {
			t.Errorf("%s: %v, want %v", c.desc, got, c.want)
		}
	}
}
