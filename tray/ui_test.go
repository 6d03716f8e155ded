package tray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// fakePanel notes every call. It may be used by one goroutine only,
// which the race detector checks.
type fakePanel struct {
	calls   []string
	at      [places]Line
	clicked chan int
}

func (p *fakePanel) icon(m assets.Mark, s assets.Scheme) {
	p.calls = append(p.calls, fmt.Sprintf("icon %v %d", m, s))
}
func (p *fakePanel) tooltip(text string) { p.calls = append(p.calls, "tooltip "+text) }
func (p *fakePanel) line(place int, l Line) {
	p.at[place] = l
	p.calls = append(p.calls, "line "+l.Text)
}
func (p *fakePanel) clicks() <-chan int { return p.clicked }

// click sends a click on the line that begins so.
func (p *fakePanel) click(t *testing.T, text string) {
	t.Helper()
	i := slices.IndexFunc(p.at[:], func(l Line) bool { return strings.HasPrefix(l.Text, text) })
	if i < 0 {
		t.Fatalf("no line %q among %v", text, p.at)
	}
	p.clicked <- i
}

// fakeClient is a daemon in the same process.
type fakeClient struct {
	snapshots chan health.Snapshot
	reauth    func(ctx context.Context, account string) error
	quits     int
	reports   []health.Tray
	paused    []string
	restart   error
}

func (c *fakeClient) Events(ctx context.Context, each func(health.Snapshot) error) error {
	for {
		select {
		case s := <-c.snapshots:
			if err := each(s); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
func (c *fakeClient) Reauthenticate(ctx context.Context, account string) error {
	return c.reauth(ctx, account)
}
func (c *fakeClient) Pause(_ context.Context, account string, until time.Time) ([]string, error) {
	c.paused = append(c.paused, account+" "+until.Format(time.DateTime))
	return nil, nil
}
func (c *fakeClient) Resume(_ context.Context, account string) ([]string, error) {
	c.paused = append(c.paused, account+" no more")
	return nil, nil
}
func (c *fakeClient) ReportTray(_ context.Context, state health.Tray) error {
	c.reports = append(c.reports, state)
	return nil
}
func (c *fakeClient) OpenPage(_ context.Context, account, scope string) (string, error) {
	return "http://127.0.0.1:13379/_shelfkeeper/open?" + account + "&" + scope, nil
}
func (c *fakeClient) PageLink(_ context.Context, account string) (string, error) {
	return "http://localhost:13380/enter?link=x" + account, nil
}
func (c *fakeClient) Quit(context.Context) error {
	c.quits++
	return nil
}
func (c *fakeClient) Restart(context.Context) error { return c.restart }

// unknownStart hides the line about the start at login.
func unknownStart(context.Context) (bool, error) { return false, errors.ErrUnsupported }

// inLoop runs a ui on a fake panel within a bubble.
func inLoop(t *testing.T, c *fakeClient, cfg Config, test func(p *fakePanel, u *ui)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.snapshots = make(chan health.Snapshot)
		cfg.Client, cfg.Log = c, slog.New(slog.DiscardHandler)
		if cfg.Starts == nil {
			cfg.Starts = unknownStart
		}
		ctx, cancel := context.WithCancel(t.Context())
		f := follow(ctx, c, func() {})
		c.snapshots <- snapshotOf(nil)
		synctest.Wait()
		u := newUI(cfg, f)
		p := &fakePanel{clicked: make(chan int)}
		var wg sync.WaitGroup
		wg.Go(func() { u.loop(ctx, p) })
		synctest.Wait()
		test(p, u)
		cancel()
		wg.Wait()
		<-f.ended
		<-time.After(2 * time.Hour) // for what outlives the loop
	})
}

func TestOnlyWhatDiffersIsDrawn(t *testing.T) {
	c := &fakeClient{}
	inLoop(t, c, Config{}, func(p *fakePanel, u *ui) {
		p.calls = nil
		same := snapshotOf(nil)
		same.Accounts[0].Proxy.Requests = 17
		c.snapshots <- same
		synctest.Wait()
		if len(p.calls) != 0 {
			t.Errorf("nothing to be seen has changed: %q", p.calls)
		}
		c.snapshots <- snapshotOf(&health.ServerUnreachable)
		synctest.Wait()
		want := []string{"icon offline 0", "tooltip Shelfkeeper, home at abs.example.org: the server cannot be reached",
			"line Audiobookshelf as home: the server cannot be reached"}
		if fmt.Sprint(p.calls) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", p.calls, want)
		}
		p.calls = nil
		u.schemes <- assets.DarkPanel
		synctest.Wait()
		if want := []string{fmt.Sprintf("icon offline %d", assets.DarkPanel)}; fmt.Sprint(p.calls) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", p.calls, want)
		}
	})
}

// Where a line stays and only its command changes, a click does the new thing.
func TestClickGoesByTheNewestAddress(t *testing.T) {
	c := &fakeClient{}
	var copied []string
	inLoop(t, c, Config{Copy: func(s string) error { copied = append(copied, s); return nil }}, func(p *fakePanel, _ *ui) {
		moved := snapshotOf(nil)
		moved.Accounts[0].Proxy.URL = "http://127.0.0.1:1"
		c.snapshots <- moved
		synctest.Wait()
		p.click(t, "Copy")
		synctest.Wait()
		if fmt.Sprint(copied) != "[http://127.0.0.1:1]" {
			t.Errorf("copied %q", copied)
		}
	})
}

func TestReauthenticateShowsWhatBecameOfIt(t *testing.T) {
	release := make(chan error)
	var asked int
	c := &fakeClient{}
	c.reauth = func(context.Context, string) error {
		asked++
		return <-release
	}
	shows := func(p *fakePanel, text string) bool {
		return slices.ContainsFunc(p.at[:], func(l Line) bool { return strings.Contains(l.Text, text) })
	}
	inLoop(t, c, Config{}, func(p *fakePanel, _ *ui) {
		release = make(chan error) // of the bubble
		c.snapshots <- snapshotOf(&health.ServerUnreachable)
		synctest.Wait()
		p.click(t, "Re-authenticate")
		synctest.Wait()
		p.click(t, "Re-authenticating…") // a panel with an old menu
		synctest.Wait()
		if asked != 1 {
			t.Fatalf("asked %d times", asked)
		}
		release <- problem.Newf(problem.Rejected, "", "the server refused the password")
		synctest.Wait()
		if !shows(p, `refused the password → run "shelfkeeper login"`) {
			t.Fatalf("the failure does not show: %v", p.at)
		}
		c.snapshots <- snapshotOf(nil)
		synctest.Wait()
		if shows(p, "did not work") {
			t.Fatalf("the failure outlived the session's recovery: %v", p.at)
		}
		p.click(t, "Re-authenticate")
		synctest.Wait()
		release <- nil
		synctest.Wait()
		if !shows(p, "Re-authenticate – done at ") {
			t.Fatalf("the success does not show: %v", p.at)
		}
		p.click(t, "Re-authenticate")
		synctest.Wait()
		release <- errors.New("the server cannot be reached") // a temporary failure
		synctest.Wait()
		if shows(p, "shelfkeeper login") {
			t.Fatalf("weather has no remedy: %v", p.at)
		}
	})
}

func TestCommandsThatHangOrPanic(t *testing.T) {
	c := &fakeClient{}
	block := make(chan struct{})
	cfg := Config{
		Open: func(string) error { panic("browser") },
		Copy: func(string) error { <-block; return nil },
	}
	inLoop(t, c, cfg, func(p *fakePanel, _ *ui) {
		block = make(chan struct{})
		time.AfterFunc(time.Hour, func() { close(block) })
		p.click(t, "Copy") // hangs for an hour
		p.click(t, "Open")
		synctest.Wait()
		if !slices.ContainsFunc(p.at[:], func(l Line) bool {
			return strings.HasPrefix(l.Text, "Could not open the browser: it panicked: browser → open http://127.0.0.1:13379")
		}) {
			t.Errorf("got %v", p.at)
		}
		p.click(t, "Quit") // still obeys
		synctest.Wait()
		if c.quits != 1 {
			t.Errorf("%d quits", c.quits)
		}
	})
}

// Pausing and the start at login go to where they are done, and the menu shows
// what became of them.
func TestPauseAndStartAtLogin(t *testing.T) {
	c := &fakeClient{}
	starts, trouble := false, errors.New("no systemd here")
	var opened []string
	cfg := Config{
		Tomorrow: func(time.Time) time.Time { return time.Date(2026, 1, 2, 6, 0, 0, 0, time.UTC) },
		Starts:   func(context.Context) (bool, error) { return starts, nil },
		SetStart: func(_ context.Context, on bool) error {
			if trouble != nil {
				return trouble
			}
			starts = on
			return nil
		},
		Open: func(url string) error { opened = append(opened, url); return nil },
	}
	shows := func(p *fakePanel, text string, mark Mark) bool {
		return slices.ContainsFunc(p.at[:], func(l Line) bool { return strings.Contains(l.Text, text) && l.Mark == mark })
	}
	inLoop(t, c, cfg, func(p *fakePanel, _ *ui) {
		p.click(t, "Start at login")
		synctest.Wait()
		if !shows(p, "Start at login", SwitchedOff) || !shows(p, "Could not turn on the start at login: no systemd here", Unmarked) {
			t.Errorf("a failure does not show: %v", p.at)
		}
		trouble = nil
		for _, want := range []Mark{SwitchedOn, SwitchedOff} {
			p.click(t, "Start at login")
			synctest.Wait()
			if !shows(p, "Start at login", want) || shows(p, "Could not", Unmarked) {
				t.Errorf("the switch is not %v: %v", want, p.at)
			}
		}
		p.click(t, "Pause until tomorrow")
		synctest.Wait()
		p.click(t, "Pause until resumed")
		synctest.Wait()
		c.snapshots <- snapshotOf(&health.AccountPaused)
		synctest.Wait()
		p.click(t, "Resume")
		synctest.Wait()
		if got := fmt.Sprint(c.paused); got != "[home 2026-01-02 06:00:00 home 0001-01-01 00:00:00 home no more]" {
			t.Errorf("asked for %s", got)
		}
		p.clicked <- activated
		synctest.Wait()
		p.click(t, "Status page")
		synctest.Wait()
		if got := fmt.Sprint(opened); got != "[http://localhost:13380/enter?link=x http://localhost:13380/enter?link=x]" {
			t.Errorf("opened %s", got)
		}
	})
}
