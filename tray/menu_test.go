package tray

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// flat writes a menu as a person sees it; what cannot be chosen is in brackets.
func flat(m Model) []string {
	var out []string
	for _, l := range m.layout() {
		switch {
		case l.Text == "":
		case l.Enabled:
			out = append(out, l.Text)
		default:
			out = append(out, "["+l.Text+"]")
		}
	}
	return out
}

func TestMenu(t *testing.T) {
	two := snapshotOf(&health.ServerUnreachable)
	two.Accounts[0].Reason += ": connection refused"
	work := account("work_2")
	work.Proxy.URL = "http://127.0.0.1:13381"
	two.Accounts = append(two.Accounts, work)
	noPort := snapshotOf(&health.ProxyDown)
	noPort.Accounts[0].Proxy.URL = ""
	evil := snapshotOf(nil)
	evil.Accounts[0].Level, evil.Accounts[0].Reason = health.Offline, "line one\nline\ttwo \x1b[31m"+strings.Repeat("x", 200)
	kept := snapshotOf(&health.ServerUnreachable)
	kept.Accounts[0].Reason += ": " + strings.Repeat("x", 100)
	kept.Accounts[0].Progress.Waiting = 12
	refused := snapshotOf(nil)
	refused.Accounts[0].Proxy.Refused = []health.Refused{{Program: "audiobookshelf-ht (process 812)", Origin: "app://htpc", Count: 12}}
	admin := snapshotOf(nil)
	admin.Accounts[0].Admin = true
	renamed := snapshotOf(nil)
	renamed.Accounts[0].Alias = "kitchen"
	upgraded := snapshotOf(nil)
	upgraded.Installed = "0.2.0"
	reauth := Command{Act: Reauthenticate, Account: "home"}

	for _, c := range []struct {
		desc    string
		in      health.Snapshot
		notes   notes
		want    []string
		tooltip string
	}{
		{desc: "all well", in: snapshotOf(nil),
			want: []string{"[Audiobookshelf as home: signed in]",
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow", "Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: signed in"},
		{desc: "an administrator", in: admin,
			want: []string{"[Audiobookshelf as home: signed in]", "Open Audiobookshelf", "Open Audiobookshelf as administrator",
				"Re-authenticate",
				"Players", "Copy player address", "Pause until tomorrow", "Pause until resumed", "Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: signed in"},
		{desc: "a name of the user's own", in: renamed,
			want: []string{"[kitchen: signed in]", "Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address",
				"Pause until tomorrow", "Pause until resumed", "Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, kitchen: signed in"},
		{desc: "a newer program is installed", in: upgraded,
			notes: notes{{Act: Restart}: {trouble: problem.Newf(problem.Other, "", "it does not run")}},
			want: []string{"[Moving over to the new version did not work: it does not run]", "[Audiobookshelf as home: signed in]",
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow", "Pause until resumed",
				"Status page", "Check-up", "Move over to version 0.2.0", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: signed in"},
		{desc: "a program is refused", in: refused,
			want: []string{"[Audiobookshelf as home: signed in]",
				`[Refused 12 x audiobookshelf-ht (process 812): allow it? See "shelfkeeper status"]`,
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow", "Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: signed in"},
		{desc: "needs the user", in: snapshotOf(&health.SessionLost),
			want: []string{"[Audiobookshelf as home: the server ended the session and no password is stored]", `[run "shelfkeeper login"]`,
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow", "Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: the server ended the session and no password is stored"},
		{desc: "reports wait", in: kept,
			want: []string{"[Audiobookshelf as home: the server cannot be reached: x…; 12 reports of listening wait]",
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow", "Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: the server cannot be reached: x…; 12 reports of listening wait"},
		{desc: "paused", in: snapshotOf(&health.AccountPaused),
			want: []string{"[Audiobookshelf as home: paused by you]", `[run "shelfkeeper resume" to go on]`,
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Resume", "Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: paused by you"},
		{desc: "no account", in: health.Snapshot{Level: health.NeedsUser, Page: health.Page{URL: pageURL}},
			want: []string{"[no account yet]", `[run "shelfkeeper login URL"]`,
				"[Open Audiobookshelf]", "[Re-authenticate]", "[Players]", "[Copy player address]", "Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper: no account yet"},
		{desc: "no port", in: noPort,
			want: []string{"[Audiobookshelf as home: the local address for players is not open]",
				`[free the port, or give the account another one with "shelfkeeper account set NAME --port 0"]`,
				"[Open Audiobookshelf]", "Re-authenticate", "Players", "[Copy player address]", "Pause until tomorrow",
				"Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: the local address for players is not open"},
		{desc: "two accounts", in: two,
			want: []string{"[home at abs.example.org: the server cannot be reached: connection refused]",
				"[work_2 at abs.example.org: signed in]",
				"Open Audiobookshelf (home at abs.example.org)", "Re-authenticate (home at abs.example.org)",
				"Players (home at abs.example.org)", "Copy player address (home at abs.example.org)",
				"Pause until tomorrow (home at abs.example.org)",
				"Pause until resumed (home at abs.example.org)",
				"Open Audiobookshelf (work_2 at abs.example.org)", "Re-authenticate (work_2 at abs.example.org)",

				"Players (work_2 at abs.example.org)", "Copy player address (work_2 at abs.example.org)",
				"Pause until tomorrow (work_2 at abs.example.org)",
				"Pause until resumed (work_2 at abs.example.org)", "Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper: the server cannot be reached; the session is kept\n" +
				"home at abs.example.org: the server cannot be reached: connecti…"},
		{desc: "re-authenticating", in: snapshotOf(nil), notes: notes{reauth: {busy: true}},
			want: []string{"[Audiobookshelf as home: signed in]",
				"Open Audiobookshelf", "[Re-authenticating…]", "Players", "Copy player address", "Pause until tomorrow",
				"Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: signed in"},
		{desc: "re-authenticated", in: snapshotOf(nil), notes: notes{reauth: {at: time.Date(2026, 1, 2, 15, 4, 0, 0, time.Local)}},
			want: []string{"[Audiobookshelf as home: signed in]", "Open Audiobookshelf", "Re-authenticate – done at 15:04",
				"Players", "Copy player address", "Pause until tomorrow", "Pause until resumed", "Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: signed in"},
		{desc: "re-authenticating failed", in: snapshotOf(&health.ServerUnreachable),
			notes: notes{reauth: {trouble: problem.Newf(problem.NeedsUser, "run `shelfkeeper login`", "the password was refused")}},
			want: []string{"[Audiobookshelf as home: the server cannot be reached]",
				`[Re-authenticating did not work: the password was refused → run "shelfkeeper login"]`,
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow", "Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: the server cannot be reached"},
		{desc: "a text that is none", in: evil,
			want: []string{"[Audiobookshelf as home: line one line two [31m" + strings.Repeat("x", 49) + "…]",
				"Open Audiobookshelf", "Re-authenticate", "Players", "Copy player address", "Pause until tomorrow", "Pause until resumed",
				"Status page", "Check-up", "Quit"},
			tooltip: "Shelfkeeper, home at abs.example.org: line one line two [31m" + strings.Repeat("x", 66) + "…"},
	} {
		m := menu(c.in, c.notes, abilities{})
		if got := flat(m); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.desc, got, c.want)
		}
		if m.Tooltip != c.tooltip || m.Level != c.in.Level {
			t.Errorf("%s: level %v, tooltip\n got %q\nwant %q", c.desc, m.Level, m.Tooltip, c.tooltip)
		}
	}
}

// The status page has its place after the actions of every account, and says
// why it is not open.
func TestStatusPageInTheMenu(t *testing.T) {
	s := snapshotOf(nil)
	s.Page.URL = ""
	if got := menu(s, nil, abilities{}).layout()[generalPlace]; got != (Line{}) {
		t.Errorf("without a page: %+v", got)
	}
	s.Page.URL = "http://localhost:13380/"
	want := Line{Text: "Status page", Enabled: true, Command: Command{Act: ShowPage, URL: s.Page.URL}}
	if at := menu(s, nil, abilities{}).layout(); at[generalPlace] != want || at[places-1].Command.Act != Quit {
		t.Errorf("got %+v, %+v", at[generalPlace], at[places-1])
	}
	s.Accounts = nil
	if l := menu(s, nil, abilities{}).General[0]; !l.Enabled {
		t.Errorf("without an account: %+v", l)
	}
	s.Page.Reason = "port 13380 is taken by mpd (process 812)"
	if l := menu(s, nil, abilities{}).General[0]; l.Enabled || l.Text != "Status page: "+s.Page.Reason {
		t.Errorf("taken: %+v", l)
	}
}

func TestCommandsOfTheMenu(t *testing.T) {
	s := snapshotOf(nil)
	other := account("work")
	other.Proxy.URL = "http://127.0.0.1:13381"
	s.Accounts = append(s.Accounts, other)
	m := menu(s, nil, abilities{})
	var got []Command
	for _, l := range append(m.Actions, m.General...) {
		if l.Text != "" {
			got = append(got, l.Command)
		}
	}
	want := []Command{
		{Open, "home", "http://127.0.0.1:13379"}, {Reauthenticate, "home", ""}, {ShowPlayers, "home", pageURL},
		{Copy, "home", "http://127.0.0.1:13379"},
		{PauseTomorrow, "home", ""}, {Pause, "home", ""},
		{Open, "work", "http://127.0.0.1:13381"}, {Reauthenticate, "work", ""}, {ShowPlayers, "work", pageURL},
		{Copy, "work", "http://127.0.0.1:13381"},
		{PauseTomorrow, "work", ""}, {Pause, "work", ""},
		{ShowPage, "", pageURL}, {CheckUp, "home", pageURL}, {Quit, "", ""},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, l := range m.Status {
		if l.Enabled || l.Command.Act != Nothing {
			t.Errorf("%q can be chosen", l.Text)
		}
	}
}

func TestStartAtLoginIsASwitch(t *testing.T) {
	for _, c := range []struct {
		login Mark
		want  Line
	}{
		{Unmarked, Line{}},
		{SwitchedOn, Line{"Start at login", true, Command{Act: StopAtLogin}, SwitchedOn}},
		{SwitchedOff, Line{"Start at login", true, Command{Act: StartAtLogin}, SwitchedOff}},
	} {
		if got := menu(snapshotOf(nil), nil, abilities{login: c.login}).General[2]; got != c.want {
			t.Errorf("%v: %+v, want %+v", c.login, got, c.want)
		}
	}
}

// The menu has a fixed number of lines; more accounts and every kind of trouble
// must fit.
func TestMenuOfManyAccountsFits(t *testing.T) {
	s := health.Snapshot{Level: health.NeedsUser}
	n := notes{{Act: Quit}: {trouble: problem.Newf(problem.Other, "", "no")}}
	for i := range shownAccounts + 3 {
		a := snapshotOf(&health.PasswordRefused).Accounts[0]
		a.Name = fmt.Sprint("account", i)
		a.Loss = &health.Loss{Sentence: strings.Repeat("because ", 20)}
		a.Reason += ": " + a.Loss.Sentence
		s.Accounts = append(s.Accounts, a)
		for _, act := range []Act{Open, Reauthenticate, Copy} {
			n[Command{Act: act, Account: a.Name}] = note{trouble: problem.Newf(problem.Other, "", "no")}
		}
	}
	m := menu(s, n, abilities{})
	if len(m.Status) != statusPlaces || len(m.Actions) != actionPlaces {
		t.Fatalf("%d and %d lines for %d and %d places", len(m.Status), len(m.Actions), statusPlaces, actionPlaces)
	}
	if last := m.Status[len(m.Status)-1].Text; last != `and 3 more: run "shelfkeeper status"` {
		t.Errorf("last line %q", last)
	}
	if len([]rune(m.Tooltip)) > maxTooltip {
		t.Errorf("tooltip of %d characters", len([]rune(m.Tooltip)))
	}
}

// The cause of a lost session is read whole: in lines of its own, between the
// state and what to do about it.
func TestMenuOfALostSession(t *testing.T) {
	a := health.Account{Name: "home", Level: health.NeedsUser, Remedy: "run `shelfkeeper login`"}
	for _, c := range []struct{ sentence, want string }{
		{"this user is called \"zoe\" now", "home: the server ended it|this user is called \"zoe\" now|run \"shelfkeeper login\""},
		{strings.Repeat("seven in a row ", 11) + "end",
			"home: the server ended it|" + strings.TrimSpace(strings.Repeat("seven in a row ", 6)) + " seven|" + "in a row " +
				strings.Repeat("seven in a row ", 4) + "end|run \"shelfkeeper login\""},
	} {
		a.Loss = &health.Loss{Sentence: c.sentence}
		a.Reason = "the server ended it: " + c.sentence
		var lines []string
		for _, l := range menu(health.Snapshot{Level: a.Level, Accounts: []health.Account{a}}, nil, abilities{}).Status {
			lines = append(lines, l.Text)
		}
		if got := strings.Join(lines, "|"); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	long := a
	long.Loss = &health.Loss{Sentence: strings.Repeat("x", 500)}
	long.Reason = "gone: " + long.Loss.Sentence
	for _, l := range status(long, "home", nil) {
		if len([]rune(l.Text)) > maxLine {
			t.Errorf("%d characters", len([]rune(l.Text)))
		}
	}
	// A loss that is over is no news.
	over := health.Account{Name: "home", Loss: &health.Loss{Sentence: "x", Recovered: true}}
	if lines := status(over, "home", nil); len(lines) != 1 {
		t.Errorf("got %+v", lines)
	}
}

// After its use the spare is gone: the click that makes one is offered.
func TestMenuOffersASpareSession(t *testing.T) {
	for spare, want := range map[string]string{"": "Re-authenticate", health.SpareKept: "Re-authenticate",
		health.SpareMissing: "Make a spare session"} {
		s := snapshotOf(nil)
		s.Accounts[0].Session.Spare = spare
		if got := flat(menu(s, nil, abilities{})); !slices.Contains(got, want) {
			t.Errorf("%q: %q", spare, got)
		}
	}
	s := snapshotOf(&health.SessionLost)
	s.Accounts[0].Session.Spare = health.SpareMissing
	if got := flat(menu(s, nil, abilities{})); !slices.Contains(got, "Re-authenticate") {
		t.Errorf("a session that is lost: %q", got)
	}
}
