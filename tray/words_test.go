package tray

import (
	"strings"
	"testing"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
)

func TestAccountsAreCalledByUserAndHost(t *testing.T) {
	a := func(name, user, server string) health.Account {
		return health.Account{Name: name, User: user, Server: server}
	}
	for _, c := range []struct {
		in   []health.Account
		want string
	}{
		{[]health.Account{a("127-0-0-1-root", "root", "http://127.0.0.1:13378")}, "root at 127.0.0.1"},
		{[]health.Account{a("v6", "root", "http://[::1]:13378"), a("x", "zoë", "https://abs.example.org/audiobookshelf")},
			"root at ::1, zoë at abs.example.org"},
		{[]health.Account{a("home", "root", "http://127.0.0.1:1"), a("other", "root", "http://127.0.0.1:2")}, "home, other"},
		{[]health.Account{a("home", "", "http://127.0.0.1:1"), a("bad", "root", "::")}, "home, bad"},
	} {
		if got := strings.Join(people(c.in), ", "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestEveryLevelHasItsIconAndWords(t *testing.T) {
	marks, words := map[assets.Mark]bool{}, map[string]bool{}
	for level := range byLevel {
		if got := markOf(Model{Level: level}); got.String() != level.String() {
			t.Errorf("%v is drawn as %v", level, got)
		}
		marks[markOf(Model{Level: level})] = true
		words[levelWords(level)] = true
	}
	if len(marks) != len(byLevel) || len(words) != len(byLevel) {
		t.Errorf("%d icons, %d texts for %d levels", len(marks), len(words), len(byLevel))
	}
	if markOf(Model{Level: health.Level(99)}) != assets.NeedsUser || levelWords(health.Level(99)) != "needs you" {
		t.Error("a level of a newer daemon must alarm")
	}
}

func TestTooltipOfSeveralAccounts(t *testing.T) {
	a, b := account("a"), account("b")
	paused := b
	paused.Level = health.Paused
	for _, c := range []struct {
		in   health.Snapshot
		want string
	}{
		{health.Snapshot{Accounts: []health.Account{a, b}}, "Shelfkeeper: every account is signed in"},
		{health.Snapshot{Accounts: []health.Account{a, paused}}, "Shelfkeeper: every account in use is signed in"},
	} {
		if got := menu(c.in, nil, abilities{}).Tooltip; got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
