package tray

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/desktop/notify"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// fakeMessenger keeps what is shown.
type fakeMessenger struct {
	shown   []notify.Notice
	clicked chan string
}

func (m *fakeMessenger) Show(list []notify.Notice) { m.shown = slices.Clone(list) }
func (m *fakeMessenger) Clicked() <-chan string    { return m.clicked }

func (m *fakeMessenger) keys() string {
	var keys []string
	for _, n := range m.shown {
		keys = append(keys, n.Key)
	}
	return strings.Join(keys, " ")
}

// withMessages runs a ui with messages in a bubble, first with the snapshot s.
func withMessages(t *testing.T, c *fakeClient, cfg Config, s health.Snapshot, test func(p *fakePanel, u *ui, m *fakeMessenger)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.snapshots = make(chan health.Snapshot)
		cfg.Client, cfg.Log, cfg.Starts = c, slog.New(slog.DiscardHandler), unknownStart
		ctx, cancel := context.WithCancel(t.Context())
		f := follow(ctx, c, func() {})
		c.snapshots <- s
		synctest.Wait()
		u := newUI(cfg, f)
		m := &fakeMessenger{clicked: make(chan string)}
		u.messages.to = m
		p := &fakePanel{clicked: make(chan int)}
		var wg sync.WaitGroup
		wg.Go(func() { u.loop(ctx, p) })
		synctest.Wait()
		test(p, u, m)
		cancel()
		wg.Wait()
		<-f.ended
	})
}

func TestOnlyWhatNeedsTheUserIsTold(t *testing.T) {
	c := &fakeClient{}
	withMessages(t, c, Config{}, snapshotOf(nil), func(_ *fakePanel, _ *ui, m *fakeMessenger) {
		for level, condition := range byLevel {
			c.snapshots <- snapshotOf(condition)
			synctest.Wait()
			want := ""
			if level == health.NeedsUser {
				want = "home/" + condition.ID
			}
			if m.keys() != want {
				t.Errorf("%v shows %q, want %q", level, m.keys(), want)
			}
		}
		c.snapshots <- snapshotOf(&health.SessionLost)
		synctest.Wait()
		n := m.shown[0]
		if n.Title != "home at abs.example.org needs you" || n.Label != "Re-authenticate" ||
			!strings.Contains(n.Body, "→ run \"shelfkeeper login\"") {
			t.Errorf("%+v", n)
		}
		c.snapshots <- snapshotOf(&health.HeaderEaten)
		synctest.Wait()
		if n := m.shown[0]; n.Label != "Show" || n.Key != "home/header-eaten" {
			t.Errorf("a click shows the page: %+v", n)
		}
		c.snapshots <- health.Snapshot{Level: health.NeedsUser}
		synctest.Wait()
		if m.keys() != "" {
			t.Errorf("without an account: %q", m.keys())
		}
	})
}

func TestClickOnANoticeMendsOrSaysWhyNot(t *testing.T) {
	c := &fakeClient{}
	var asked []string
	answer := error(problem.Newf(problem.Rejected, "run `shelfkeeper login`", "the server refused the stored password"))
	c.reauth = func(_ context.Context, account string) error {
		asked = append(asked, account)
		return answer
	}
	withMessages(t, c, Config{}, snapshotOf(&health.SessionLost), func(p *fakePanel, _ *ui, m *fakeMessenger) {
		for range 2 {
			m.clicked <- "home/session-lost"
			synctest.Wait()
			if len(m.shown) != 2 || !strings.Contains(m.shown[1].Body, "refused the stored password\n→ run") {
				t.Fatalf("the failure is not told: %+v", m.shown)
			}
		}
		if slices.Compact(asked)[0] != "home" || m.shown[1].Key != "home/answer/2" {
			t.Errorf("asked for %q, shown %q", asked, m.keys())
		}
		p.click(t, "Re-authenticate") // the menu tells its own failures
		synctest.Wait()
		if m.shown[1].Key != "home/answer/2" {
			t.Errorf("shown %q", m.keys())
		}
		c.snapshots <- snapshotOf(nil)
		synctest.Wait()
		if m.keys() != "" {
			t.Errorf("it is over, and still shown: %q", m.keys())
		}
		m.clicked <- "home/session-lost" // a click that comes late
		synctest.Wait()
		if len(asked) != 3 {
			t.Errorf("asked %d times", len(asked))
		}
	})
}

// A tray that takes the place of one that died repeats nothing, and tells what
// came since.
func TestAgainRepeatsNothing(t *testing.T) {
	for _, c := range []struct {
		again bool
		since time.Duration
		want  string
	}{{false, -time.Hour, "home/session-lost"}, {true, -time.Hour, ""}, {true, -time.Second, "home/session-lost"}} {
		client := &fakeClient{}
		s := snapshotOf(&health.SessionLost)
		synctest.Test(t, func(*testing.T) { s.Accounts[0].Since = health.At(time.Now().Add(c.since)) })
		withMessages(t, client, Config{Again: c.again}, s, func(_ *fakePanel, _ *ui, m *fakeMessenger) {
			if m.keys() != c.want {
				t.Errorf("%+v: shown %q", c, m.keys())
			}
			client.snapshots <- snapshotOf(nil)
			synctest.Wait()
			client.snapshots <- s
			synctest.Wait()
			if m.keys() != "home/session-lost" {
				t.Errorf("%+v: a new episode is not told", c)
			}
		})
	}
}

func TestNoPanelIsSaidOnce(t *testing.T) {
	t.Setenv("XDG_CURRENT_DESKTOP", "ubuntu:GNOME")
	c := &fakeClient{}
	var times []string
	cfg := Config{FirstTime: func(what string) bool {
		times = append(times, what)
		return len(times) == 1
	}}
	withMessages(t, c, cfg, snapshotOf(nil), func(_ *fakePanel, u *ui, m *fakeMessenger) {
		say := func(hosts bool, after time.Duration) {
			u.hosts <- hosts
			synctest.Wait()
			<-time.After(after)
			synctest.Wait()
		}
		say(false, hostGrace-time.Second)
		say(true, time.Hour) // a panel that needed its time
		if len(c.reports) != 0 || m.keys() != "" {
			t.Fatalf("said too soon: %+v, %q", c.reports, m.keys())
		}
		say(false, hostGrace)
		say(false, hostGrace)
		if len(c.reports) != 1 || !strings.Contains(c.reports[0].Remedy, "gnome-shell-extension-appindicator") || m.keys() != "no-tray" {
			t.Fatalf("reports %+v, shown %q", c.reports, m.keys())
		}
		say(true, 0)
		if len(c.reports) != 2 || c.reports[1] != (health.Tray{}) || m.keys() != "" {
			t.Errorf("a panel came: %+v, %q", c.reports, m.keys())
		}
		say(false, hostGrace)
		if len(c.reports) != 3 || m.keys() != "" || times[1] != "no-tray-GNOME" {
			t.Errorf("said again: %+v, %q, %q", c.reports, m.keys(), times)
		}
	})
}

func TestEveryDesktopHasARemedy(t *testing.T) {
	for _, c := range []struct{ variable, name, part string }{
		{"GNOME", "GNOME", "appindicator"}, {"ubuntu:GNOME", "GNOME", "appindicator"}, {"KDE", "KDE", "System Tray"},
		{"XFCE", "XFCE", "Status Tray"}, {"X-Cinnamon", "X-Cinnamon", "XApp"}, {"sway", "sway", "waybar"},
		{"i3", "i3", "snixembed"}, {"", "", "StatusNotifier"},
	} {
		t.Setenv("XDG_CURRENT_DESKTOP", c.variable)
		if got := desktopName(); got != c.name || !strings.Contains(hostRemedy(got), c.part) {
			t.Errorf("%q is %q: %s", c.variable, got, hostRemedy(got))
		}
	}
}
