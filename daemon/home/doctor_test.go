package home

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/desktop/autostart"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/session"
	"shelfkeeper/keychain"
)

// lossOf is a record that ends in a loss by each cause that a record alone can show.
func lossesByCause(now time.Time) map[history.Cause][]history.Entry {
	issued := now.Add(-2 * time.Hour)
	entry := func(ago time.Duration, o history.Outcome, change ...func(*history.Entry)) history.Entry {
		e := history.Entry{At: now.Add(-ago), Kind: history.Refresh, Outcome: o, Attempt: 1, Issued: issued,
			Ends:    issued.Add(30 * 24 * time.Hour),
			Release: "2.33.2", Evidence: "the connection was cut"}
		for _, c := range change {
			c(&e)
		}
		return e
	}
	good := entry(2*time.Hour, history.Renewed, func(e *history.Entry) { e.Received, e.Issued = issued, issued.Add(-time.Hour) })
	taken := func(e *history.Entry) { e.AccessToken = history.StillAccepted }
	return map[history.Cause][]history.Entry{
		history.LostAnswer:  {good, entry(time.Hour, history.Unanswered), entry(time.Minute, history.Lost, taken)},
		history.Interrupted: {good, entry(time.Minute, history.Lost, taken, func(e *history.Entry) { e.Attempt = 2 })},
		history.DiskFull: {good, entry(time.Hour, history.NotWritten, func(e *history.Entry) { e.Received = now.Add(-time.Hour) }),
			entry(time.Minute, history.Lost, taken)},
		history.VaultRestored: {good, entry(time.Hour, history.Renewed, func(e *history.Entry) { e.Received = now.Add(-time.Hour) }),
			entry(time.Minute, history.Lost, taken)},
		history.Renamed:        {good, entry(time.Minute, history.Lost, taken, func(e *history.Entry) { e.Name = "alicia" })},
		history.ServerReplaced: {good, entry(time.Minute, history.Lost, func(e *history.Entry) { e.AccessToken = history.NotAccepted })},
		history.UsedElsewhere:  {good, entry(time.Minute, history.Lost, taken, func(e *history.Entry) { e.Row = history.There })},
		history.PasswordChange: {good, entry(2*time.Minute, history.Lost, taken, func(e *history.Entry) { e.Release = "2.36.0" }),
			entry(time.Minute, history.PasswordRefused,
				func(e *history.Entry) { e.Kind, e.Issued, e.Release = history.Login, time.Time{}, "2.36.0" })},
		history.Elsewhere: {good, entry(time.Minute, history.Lost, taken)},
		history.Gateway:   {good, entry(time.Minute, history.HeaderRemoved)},
		history.RanOut:    {good, entry(time.Minute, history.Expired, func(e *history.Entry) { e.Ends = now.Add(-time.Hour) })},
	}
}

// Whatever the record says of a loss, the doctor says of the session.
func TestDoctorAgreesWithTheRecord(t *testing.T) {
	for cause, entries := range lossesByCause(time.Now()) {
		h := testHome(t, newFake(t, absfake.Config{}))
		if _, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1")); err != nil {
			t.Fatal(err)
		}
		a := h.Book.All()[0]
		if err := h.forgetHistory(t.Context(), a.Name); err != nil { // the sign-in's
			t.Fatal(err)
		}
		for _, e := range entries {
			h.history(a.Name).Add(e)
		}
		told := session.Loss(h.Entries(a.Name), nil)
		if told == nil || told.Cause != string(cause) {
			t.Fatalf("%s: the record says %+v", cause, told)
		}
		got := h.sessionSeen(t.Context(), a, nil)
		if got.Loss == nil || got.Loss.Cause != cause || got.Loss.Sentence != told.Sentence || got.Loss.Remedy != told.Remedy ||
			got.Loss.Recovered != told.Recovered {
			t.Errorf("%s: the doctor is told %+v, the record says %+v", cause, got.Loss, told)
		}
	}
}

// frontedHome is a home whose every server is one with something in front of it.
func frontedHome(t *testing.T, wrong func(http.Handler) http.Handler) *Home {
	t.Helper()
	fake := newFake(t, absfake.Config{})
	front := httptest.NewServer(wrong(fake.Handler()))
	h, err := Open(Options{
		Version: "test", Config: config.Default(), Backend: keychain.Memory, Log: discard, Paths: testPaths(t),
		Starts: func(context.Context) (autostart.State, error) {
			return autostart.State{On: true, Current: true, Method: "systemd"}, nil
		},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, front.Listener.Addr().String())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, close := range []func() error{h.Close, fake.Close} {
			if err := close(); err != nil {
				t.Error(err)
			}
		}
		front.Close()
	})
	return h
}

// A session that a gateway ended follows from that gateway, as long as it is wrong. At
// most two requests count against the limit, and no session begins.
func TestLossFollowsFromTheGateway(t *testing.T) {
	dropping, limited, sent := false, 0, 0
	h := frontedHome(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if dropping {
				r.Header.Del("X-Refresh-Token")
				if strings.HasPrefix(r.URL.Path, "/auth/") || r.URL.Path == "/login" {
					limited++
				}
				if r.Method != http.MethodGet && r.URL.Path != "/auth/refresh" && r.URL.Path != "/api/upload" {
					sent++
				}
			}
			next.ServeHTTP(w, r)
		})
	})
	if _, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	a := h.Book.All()[0]
	for _, e := range lossesByCause(time.Now())[history.Gateway] {
		h.history(a.Name).Add(e)
	}
	dropping = true
	r, err := h.Examine(t.Context(), "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	lost, _ := r.Finding("session")
	if r.Primary != "refresh-header" || lost.Verdict != doctor.Fault || lost.Because != "refresh-header" {
		t.Errorf("primary %s, %v, because of %s", r.Primary, lost, lost.Because)
	}
	if limited > 2 || sent > 0 {
		t.Errorf("%d requests of the sign-in limit, %d that could change something", limited, sent)
	}
	for id, want := range map[string]doctor.Verdict{"keychain": doctor.OK, "ports": doctor.Note, "peers": doctor.OK, "autostart": doctor.OK,
		"tokens": doctor.OK, "disk": doctor.OK} {
		if f, there := r.Finding(id); !there || f.Verdict != want {
			t.Errorf("%s: %v", id, f)
		}
	}
	if len(r.Unseen) == 0 || !slices.ContainsFunc(r.Unseen, func(a doctor.Advice) bool { return a.ID == "cloudflare-flexible" }) {
		t.Errorf("unseen: %v", r.Unseen)
	}
}

// docs/doctor.md names every check of this machine, too.
func TestChecksOfThisMachineAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	h := &Home{Options: Options{Starts: func(context.Context) (autostart.State, error) { return autostart.State{}, nil }}}
	for _, c := range h.here(nil, nil) {
		if !strings.Contains(string(page), "\n| `"+c.ID+"` | ") {
			t.Errorf("docs/doctor.md has no row for %s", c.ID)
		}
	}
}

// What the daemon says of itself is what the checks of this machine say.
func TestChecksOfThisMachine(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	if _, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	a := h.Book.All()[0]
	served := &health.Snapshot{PID: 812, Accounts: []health.Account{{Name: a.Name, Proxy: health.Proxy{URL: "http://127.0.0.1:13379"}}}}
	if f := h.checkPorts(t.Context(), &a, served); f.Verdict != doctor.OK || !strings.Contains(f.Evidence, "process 812") {
		t.Errorf("%v", f)
	}
	served.Accounts[0].Proxy.URL = ""
	served.Accounts[0].Condition, served.Accounts[0].Reason, served.Accounts[0].Remedy = health.ProxyDown.ID, "the port is taken", "free it"
	if f := h.checkPorts(t.Context(), &a, served); f.Verdict != doctor.Fault || f.Remedy != "free it" {
		t.Errorf("%v", f)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a.Port = l.Addr().(*net.TCPAddr).Port
	if f := h.checkPorts(t.Context(), &a, nil); f.Verdict != doctor.Fault ||
		!strings.Contains(f.Remedy, "account set "+a.Name+" --port 0") {
		t.Errorf("a port that is taken: %v", f)
	}
	if f := h.checkPorts(t.Context(), nil, nil); f.Verdict != "" {
		t.Errorf("no account: %v", f)
	}
	if f := checkPanel(t.Context(), &health.Snapshot{Tray: &health.Tray{Reason: "no panel", Remedy: "add one"}}); f.Verdict != doctor.Note {
		t.Errorf("%v", f)
	}
	h.Starts = func(context.Context) (autostart.State, error) { return autostart.State{}, nil }
	if f := h.checkStart(t.Context()); f.Verdict != doctor.Note || !strings.Contains(f.Remedy, "autostart on") {
		t.Errorf("%v", f)
	}
	// The vault in files, which a daemon holds open and this process may not.
	h.Backend, h.vault = keychain.File, nil
	if f := h.checkKeychain(t.Context(), &a, nil); f.Verdict != doctor.Unknown {
		t.Errorf("a vault that nobody can open: %v", f)
	}
	served.Accounts[0].Vault = health.Vault{Backend: "file", Condition: "ok"}
	if f := h.checkKeychain(t.Context(), &a, served); f.Verdict != doctor.OK {
		t.Errorf("a vault that the daemon has open: %v", f)
	}
}
