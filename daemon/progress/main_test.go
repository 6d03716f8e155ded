package progress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/progress/recordlog"
	"shelfkeeper/daemon/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a journal before a double of the server, within a bubble.
type rig struct {
	t         *testing.T
	fake      *absfake.Server
	transport *http.Transport
	token     string
	user      string
	dir       string
	j         *Journal

	mu     sync.Mutex
	dead   bool // the process was killed: it sends and writes nothing more
	killAt int  // at this step from now on; 0: not
	// killAtStart is killAt for the next start.
	killAtStart int
	steps       int
	who         string // is signed in

	ahead   time.Duration // how far the server's clock is ahead of ours
	latency time.Duration // of each request
}

func newRig(t *testing.T, release absfake.Release) *rig {
	t.Helper()
	fake, err := absfake.New(absfake.Config{
		Release: release, LimiterMax: -1, Podcasts: true, AccessTTL: 365 * 24 * time.Hour,
		Users: []absfake.User{{Name: "root", Password: "root", Type: "root"}, {Name: "alice", Password: "alice"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, fake: fake, dir: filepath.Join(t.TempDir(), "progress", "home")}
	r.transport = &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true, IdleConnTimeout: 4 * time.Second}
	var in struct {
		User struct{ ID, AccessToken string }
	}
	body := r.direct("POST", "/login", `{"username":"alice","password":"alice"}`, http.StatusOK)
	if err := json.Unmarshal(body, &in); err != nil || in.User.AccessToken == "" {
		t.Fatalf("login: %s", body)
	}
	r.token, r.user, r.who = in.User.AccessToken, in.User.ID, in.User.ID
	r.begin()
	t.Cleanup(func() {
		if err := r.j.Close(); err != nil {
			t.Error(err)
		}
		r.transport.CloseIdleConnections()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// begin starts the process.
func (r *rig) begin() {
	r.mu.Lock()
	r.dead, r.killAt, r.steps = false, r.killAtStart, 0
	r.mu.Unlock()
	base, _ := url.Parse("http://abs.example")
	r.j = New(Config{
		Dir: r.dir, UserID: r.user, Base: base, Transport: r, Tokens: r,
		Identity: func() string { r.mu.Lock(); defer r.mu.Unlock(); return r.who },
	})
	r.j.store.hook = func(recordlog.Step) error { return r.step() }
	r.j.store.noSync = true
	r.j.Start()
}

var errKilled = errors.New("killed")

// step is a moment at which the process may be killed.
func (r *rig) step() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps++
	if r.killAt > 0 && r.steps >= r.killAt {
		r.dead = true
	}
	if r.dead {
		return errKilled
	}
	return nil
}

func (r *rig) isDead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

// kill is kill -9, and the next start.
func (r *rig) kill() {
	r.mu.Lock()
	r.dead = true
	r.mu.Unlock()
	_ = r.j.Close() // it cannot write
	r.begin()
}

// RoundTrip implements http.RoundTripper: the journal's way to the server.
func (r *rig) RoundTrip(q *http.Request) (*http.Response, error) {
	if err := r.step(); err != nil {
		return nil, err
	}
	if r.latency > 0 {
		r.after(r.latency)
	}
	resp, err := r.throughClock(q)
	if dead := r.step(); dead != nil {
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, dead
	}
	return resp, err
}

func (r *rig) Token(context.Context) (redact.Secret, error) { return redact.New(r.token), nil }
func (r *rig) Suspect(context.Context, redact.Secret) (redact.Secret, error) {
	return redact.New(r.token), nil
}

// direct asks the server past all faults, as another device does.
func (r *rig) direct(method, path, body string, want int) []byte {
	r.t.Helper()
	q := httptest.NewRequest(method, path, bytes.NewReader([]byte(body)))
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("x-return-tokens", "true")
	if r.token != "" {
		q.Header.Set("Authorization", "Bearer "+r.token)
	}
	rec := httptest.NewRecorder()
	r.fake.Handler().ServeHTTP(rec, q)
	if want != 0 && rec.Code != want {
		r.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	b, _ := io.ReadAll(rec.Body)
	return b
}

// tryPlay opens a session through the faults of the moment; "" where it fails.
func (r *rig) tryPlay(path, device string) string {
	base, _ := url.Parse("http://abs.example/api/items/" + path)
	q := (&http.Request{
		Method: "POST", URL: base, Host: base.Host,
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + r.token}},
		Body:   io.NopCloser(bytes.NewReader([]byte(`{"forceDirectPlay":true,"deviceInfo":{"deviceId":"` + device + `"}}`))),
	}).WithContext(r.t.Context())
	resp, err := r.transport.RoundTrip(q)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var s struct{ ID string }
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(body, &s) != nil {
		return ""
	}
	r.j.Opened("", bytes.NewReader(body))
	if r.isDead() {
		return "" // the end of the answer waits for the journal
	}
	return s.ID
}

// play opens a session, which the journal learns of.
func (r *rig) play(path, device string) string {
	r.t.Helper()
	body := r.direct("POST", "/api/items/"+path, `{"forceDirectPlay":true,"deviceInfo":{"deviceId":"`+device+`"}}`, http.StatusOK)
	r.j.Opened("", bytes.NewReader(body))
	var s struct{ ID string }
	if err := json.Unmarshal(body, &s); err != nil {
		r.t.Fatal(err)
	}
	return s.ID
}

func (r *rig) book() string { return r.fake.Library().Tracks().ID }

var jsonHeader = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"player"}}

func (r *rig) take(report Report) Answer {
	r.t.Helper()
	report.Header = jsonHeader
	a, err := r.j.Take(r.t.Context(), report)
	if err != nil {
		r.t.Fatalf("%+v: %v", report, err)
	}
	return a
}

// sync reports seconds listened.
func (r *rig) sync(session string, seconds, position float64) Answer {
	r.t.Helper()
	return r.take(listened(Sync, session, seconds, position))
}

// listened is a player's report of seconds listened.
func listened(kind Kind, session string, seconds, position float64) Report {
	body := (&interval{Time: seconds, Position: position}).body(position)
	return Report{Kind: kind, Session: session, Header: jsonHeader, Body: body}
}

// settled waits until all is delivered.
func (r *rig) settled() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Hour)
	defer cancel()
	for {
		moved := r.j.Changed()
		if !r.j.isWaiting() {
			return
		}
		r.j.Wake()
		select {
		case <-moved:
		case <-ctx.Done():
			r.t.Fatalf("not delivered: %+v", r.j.Status())
		}
	}
}

// sum is what the server has counted of a session.
func (r *rig) sum(session string) float64 {
	r.t.Helper()
	var list struct {
		Sessions []struct {
			ID            string
			TimeListening float64
		}
	}
	if err := json.Unmarshal(r.direct("GET", "/api/me/listening-sessions?itemsPerPage=100", "", http.StatusOK), &list); err != nil {
		r.t.Fatal(err)
	}
	total := 0.0
	for _, s := range list.Sessions {
		if s.ID == session {
			total += s.TimeListening
		}
	}
	return total
}

// at is where the server has the user in an item.
func (r *rig) at(path string) place {
	r.t.Helper()
	var p place
	if err := json.Unmarshal(r.direct("GET", "/api/me/progress/"+path, "", http.StatusOK), &p); err != nil {
		r.t.Fatal(err)
	}
	return p
}

// after lets time pass.
func (r *rig) after(d time.Duration) {
	<-time.After(d)
}
