package survival

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// week is a small survival: one release without a grace window and the one with
// the shortest, each with both limits.
func week() Options {
	return Options{
		Weeks: 1, Seeds: []uint64{1, 2}, Releases: []absfake.Release{absfake.R2332, absfake.R2350},
		Stop: func() bool { return false },
	}
}

func TestShelfkeeperSurvivesAndOthersSuffer(t *testing.T) {
	r := Play(t, week())
	if err := r.Missed(); err != nil {
		t.Error(err)
	}
	for _, release := range week().Releases {
		for _, account := range Accounts {
			for _, name := range Clients {
				row, ok := r.Row(name, account, string(release))
				if !ok || row.Runs != 2 || row.Rotations < 20 || row.PlayerRequests < 1000 || row.WaitP95 < 100 {
					t.Errorf("%s on %s (%s) did nothing: %+v", name, release, account, row)
				}
				if !fitsModel(row) {
					t.Errorf("%s on %s (%s) does not behave as its model must: %+v", name, release, account, row)
				}
				signIns := row.SignIns + row.SignInsCertain
				if account == Password && row.SessionsBurned != signIns+row.PasswordLogins || row.SessionsBurned < signIns {
					t.Errorf("%s on %s (%s): the counts contradict each other: %+v", name, release, account, row)
				}
			}
		}
	}
	for _, run := range r.Runs {
		e := run.Events
		if e.Crashes != 7 || e.Sleeps < 13 || e.Handoffs != 35 || e.Restarts != 21 || e.Outages < 10 || e.Bursts != 56 {
			t.Errorf("%s on %s, seed %d: the script was not played: %+v", run.Client, run.Release, run.Seed, e)
		}
		if run.Client == "shelfkeeper" && (e.SleepsInRotation < 6 || e.CrashesInRotation < 3) {
			t.Errorf("seed %d: too little happened within rotations: %+v", run.Seed, e)
		}
	}
}

// fitsModel reports whether a client suffered as its model must: some lose their
// session, some send passwords in vain, and ours met lost rotations at all.
func fitsModel(row Row) bool {
	lost, signIns := row.RotationsLost+row.LossesCertain, row.SignIns+row.SignInsCertain
	switch row.Client {
	case "native", "browser":
		return signIns >= 3 && row.Player401 > 0 && row.PasswordLogins == 0
	case "relogin":
		return (row.PasswordLogins > lost) == (row.Account == Password) && (signIns > 0) == (row.Account == OpenID)
	case "shelfkeeper":
		return lost > 0 && row.PasswordLogins*signIns == 0
	}
	return true
}

// A keeper that takes a pair for durable before it is must miss the goals.
func TestForgetfulVaultMissesTheGoals(t *testing.T) {
	o := week()
	o.Releases, o.Seeds, o.clients = o.Releases[1:], o.Seeds[:1], []string{"shelfkeeper"}
	o.keeper = func(w *world) client {
		k := newKeeper(w).(*keeper)
		k.wrap = func(v vault) vault { return forgetful{v} }
		return k
	}
	if err := Play(t, o).Missed(); err == nil || !strings.Contains(err.Error(), "password logins") {
		t.Errorf("missed: %v", err)
	}
}

// forgetful writes down intents, and of new pairs every second one only.
type forgetful struct{ vault }

func (f forgetful) Commit(ctx context.Context, rec keychain.Record) error {
	if rec.Intent == nil && rec.Generation%2 == 0 {
		return nil
	}
	return f.vault.Commit(ctx, rec)
}

func TestSameSeedSameScript(t *testing.T) {
	if !reflect.DeepEqual(script(7, 2), script(7, 2)) {
		t.Error("one seed, two scripts")
	}
	if reflect.DeepEqual(script(7, 1), script(8, 1)) {
		t.Error("two seeds, one script")
	}
	var n, within Events
	for _, e := range script(3, 5) {
		n.add(e)
		if e.inRotation {
			within.add(e)
		}
	}
	if n.Sleeps != 70 || n.Crashes != 35 || n.Handoffs != 175 || n.Restarts != 105 || within.Sleeps != 35 || within.Crashes < 17 {
		t.Errorf("five weeks have %+v, within rotations %+v", n, within)
	}
}

// Sign-ins by hand that only certain losses explain are counted apart, and nothing
// else is.
func TestCertainSignIns(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	logins := func(times ...int) (all []absfake.Login) {
		for _, s := range times {
			all = append(all, absfake.Login{Time: at(s), OK: true})
		}
		return all
	}
	for _, c := range []struct {
		desc    string
		logins  []absfake.Login // the first ones at 0, those by hand at 100 and 200
		losses  []loss
		signIns []span
		want    int
	}{
		{"one session, a certain loss", logins(0, 100), []loss{{at(50), true}}, []span{{at(100), at(110)}}, 1},
		{"one session, a loss on the way", logins(0, 100), []loss{{at(50), false}}, []span{{at(100), at(110)}}, 0},
		{"no loss at all", logins(0, 100), nil, []span{{at(100), at(110)}}, 0},
		{"a spare, one loss of each kind", logins(0, 1, 100, 101), []loss{{at(50), true}, {at(60), false}}, []span{{at(100), at(110)}}, 1},
		{"a spare, both on the way", logins(0, 1, 100, 101), []loss{{at(50), false}, {at(60), false}}, []span{{at(100), at(110)}}, 0},
		{
			"what was left over is used up later", logins(0, 1, 100, 101, 200),
			[]loss{{at(50), true}, {at(60), false}, {at(150), false}, {at(160), false}}, []span{{at(100), at(110)}, {at(200), at(210)}}, 1,
		},
		{
			"a spare that came later is no session of the beginning", logins(0, 100, 120, 200),
			[]loss{{at(50), false}, {at(150), true}, {at(160), false}}, []span{{at(100), at(110)}, {at(200), at(210)}}, 1,
		},
		{
			"one that follows a certain sign-in would not have come otherwise", logins(0, 1, 100, 120, 200),
			[]loss{{at(50), true}, {at(60), false}, {at(150), false}, {at(160), false}}, []span{{at(100), at(110)}, {at(200), at(210)}}, 1,
		},
	} {
		if got := (&world{signIns: c.signIns}).certainSignIns(c.logins, c.losses); got != c.want {
			t.Errorf("%s: %d, want %d", c.desc, got, c.want)
		}
	}
}

func TestGaps(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	spans := []span{{at(10), at(20)}, {at(30), at(40)}, {from: at(50)}}
	for _, c := range []struct {
		from, to int
		want     []span
	}{
		{0, 5, []span{{at(0), at(5)}}},
		{0, 15, []span{{at(0), at(10)}}},
		{12, 18, nil},
		{15, 35, []span{{at(20), at(30)}}},
		{5, 60, []span{{at(5), at(10)}, {at(20), at(30)}, {at(40), at(50)}}},
		{55, 60, nil},
	} {
		if got := gaps(spans, at(c.from), at(c.to)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("gaps in [%d,%d]: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

// The forms in which a report leaves: all name every row, and the picture is
// well-formed.
func TestForms(t *testing.T) {
	r := newReport(Options{Weeks: 1, Seeds: []uint64{1, 2, 3, 9}}, []Run{
		{Client: "native", Account: Password, Release: "2.36.0", Seed: 1, Limit: 10,
			Count: Count{SignIns: 3, MaxAuth: 5, PlayerRequests: 10}},
		{Client: "native", Account: Password, Release: "2.36.0", Seed: 2, Limit: 40,
			Count: Count{SignIns: 4, MaxAuth: 6, PlayerRequests: 10}},
		{Client: "shelfkeeper", Account: Password, Release: "2.36.0", Seed: 1, Limit: 10,
			Count: Count{RotationsLost: 2, PasswordLogins: 2}},
		{
			Client: "shelfkeeper", Account: Password, Release: "2.36.0", Seed: 2, Limit: 10,
			Count: Count{RotationsLost: 1, LossesCertain: 1, LoginsLost: 1, PasswordLogins: 3},
		},
	})
	if row, _ := r.Row("native", Password, "2.36.0"); row.SignIns != 7 || row.MaxAuth != 6 || row.OverBudget != 1 || row.Runs != 2 {
		t.Errorf("summed up: %+v", row)
	}
	var table bytes.Buffer
	err := r.Table(&table)
	if err != nil || !strings.Contains(table.String(), "seeds 1-3, 9;") || strings.Count(table.String(), "2.36.0") != 2 {
		t.Errorf("table: %v\n%s", err, &table)
	}
	var doc bytes.Buffer
	if err := r.Markdown(&doc); err != nil || strings.Count(doc.String(), "\n") != 4 || thousands(1234567) != "1,234,567" ||
		thousands(999) != "999" {
		t.Errorf("markdown: %v\n%s", err, &doc)
	}
	d := xml.NewDecoder(bytes.NewReader(r.SVG()))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(r)
	for _, key := range []string{
		"client", "account", "release", "rotations", "rotations_lost", "losses_certain", "sessions_burned", "sign_ins", "sign_ins_certain",
		"password_logins", "max_auth_10min", "player_401", "player_errors", "wait_p95_ms",
	} {
		if err != nil || !bytes.Contains(text, []byte(`"`+key+`":`)) {
			t.Errorf("%s is not in the JSON (%v): %s", key, err, text)
		}
	}
	for desc, bad := range map[string]Count{
		"sign-in":  {SignIns: 1},
		"401":      {Player401: 1},
		"password": {PasswordLogins: 1},
		"lost":     {RotationsLost: 1},
		"budget":   {MaxAuth: 5},
	} {
		if newReport(Options{}, []Run{{Client: ours, Account: Password, Limit: 10, Count: bad}}).Missed() == nil {
			t.Errorf("%s: no goal is missed", desc)
		}
	}
	if err := r.Missed(); err != nil {
		t.Errorf("a login follows each lost rotation and each lost login: %v", err)
	}
}

// A seed fixes a run: each request of another one with it reaches the server in the
// same instant and is answered alike, and the counts are the same.
func TestSameSeedSameRun(t *testing.T) {
	play := func() (*Report, map[string][]string) {
		var mu sync.Mutex
		seen := map[string][]string{}
		o := week()
		o.Seeds, o.Releases = o.Seeds[:1], o.Releases[:1]
		o.played = func(r Run, l *absfake.Ledger) {
			mu.Lock()
			defer mu.Unlock()
			seen[r.Client+r.Account] = course(l)
		}
		return Play(t, o), seen
	}
	first, seen := play()
	second, seenAgain := play()
	for i, run := range first.Runs {
		again := second.Runs[i]
		run.waits, again.waits = slices.Sorted(slices.Values(run.waits)), slices.Sorted(slices.Values(again.waits))
		if !reflect.DeepEqual(run, again) {
			t.Errorf("%s (%s), seed %d:\n%+v\n%+v", run.Client, run.Account, run.Seed, run, again)
		}
		one, other := seen[run.Client+run.Account], seenAgain[run.Client+run.Account]
		if len(one) == 0 {
			t.Errorf("%s (%s): the server saw nothing", run.Client, run.Account)
		}
		for at := range max(len(one), len(other)) {
			if at >= len(one) || at >= len(other) || one[at] != other[at] {
				t.Errorf("%s (%s), seed %d: request %d of %d and %d differs:\n%s\n---\n%s", run.Client, run.Account, run.Seed,
					at, len(one), len(other), around(one, at), around(other, at))
				break
			}
		}
	}
}

// course is what the server saw, in the order of time.
func course(l *absfake.Ledger) (seen []string) {
	for _, e := range l.Entries() {
		seen = append(seen, fmt.Sprintf("%s %s %s %s %s %d %t", e.Time.Format("02 15:04:05.000000000"), e.Method, e.Path, e.TokenKind,
			e.RefreshKind,
			e.Status, e.Lost))
	}
	slices.Sort(seen)
	return seen
}

// around returns what was seen next to a place.
func around(seen []string, at int) string {
	return strings.Join(seen[min(len(seen), max(0, at-5)):min(len(seen), at+4)], "\n")
}
