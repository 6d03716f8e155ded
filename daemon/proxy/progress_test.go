package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/progress"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

// fakeJournal notes what it is given and answers as told.
type fakeJournal struct {
	mu      sync.Mutex
	taken   []progress.Report
	opened  []string
	settled int
	answer  progress.Answer
	err     error
}

func (j *fakeJournal) Take(_ context.Context, r progress.Report) (progress.Answer, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.taken = append(j.taken, r)
	return j.answer, j.err
}

func (j *fakeJournal) Opened(_ string, r io.Reader) {
	b, _ := io.ReadAll(r)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.opened = append(j.opened, string(b))
}

func (j *fakeJournal) Reserve(context.Context, int64) (func(), error) { return func() {}, nil }
func (j *fakeJournal) AwaitDelivery(context.Context)                  { j.mu.Lock(); j.settled++; j.mu.Unlock() }

func kept() progress.Answer {
	return progress.Answer{Status: 200, Body: []byte("OK"), Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Kept: true}
}

// What reaches the journal, and as what; the guards stand before it.
func TestReportsReachTheJournal(t *testing.T) {
	var upstream []string
	var mu sync.Mutex
	j := &fakeJournal{answer: kept()}
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		upstream = append(upstream, r.Method+" "+r.URL.Path+" "+string(b))
		mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/play") {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, `{"id":"s1"}`)
		}
	}, func(c *proxy.Config) { c.Journal = j })
	report := []string{"Content-Type", "application/json", "User-Agent", "player", "Authorization", "Bearer " + proxytest.Grant,
		"X-Other", "x"}
	for _, c := range []struct {
		method, path string
		want         progress.Report
	}{
		{"POST", "/api/session/s1/sync", progress.Report{Kind: progress.Sync, Session: "s1"}},
		{"POST", "/audiobookshelf/API/Session/s1/Sync/", progress.Report{Kind: progress.Sync, Session: "s1"}},
		{"POST", "/api/session/s1/close", progress.Report{Kind: progress.End, Session: "s1"}},
		{"PATCH", "/api/me/progress/i1", progress.Report{Kind: progress.Patch, Item: "i1"}},
		{"PATCH", "/api/me/progress/i1/e1", progress.Report{Kind: progress.Patch, Item: "i1", Episode: "e1"}},
		{"PATCH", "/api/me/progress/batch/update", progress.Report{Kind: progress.Batch}},
		{"POST", "/api/session/local", progress.Report{Kind: progress.Local}},
		{"POST", "/api/session/local-all", progress.Report{Kind: progress.LocalAll}},
	} {
		j.taken = nil
		a := w.Send(c.method, c.path, strings.NewReader(`{"a":1}`), report...)
		if a.StatusCode != 200 || a.Text != "OK" || len(j.taken) != 1 {
			t.Fatalf("%s: %s %q, %d taken", c.path, a.Status, a.Text, len(j.taken))
		}
		got := j.taken[0]
		if got.Kind != c.want.Kind || got.Session != c.want.Session || got.Item != c.want.Item || got.Episode != c.want.Episode ||
			string(got.Body) != `{"a":1}` {
			t.Errorf("%s: %+v", c.path, got)
		}
		if len(got.Header) != 2 || got.Header.Get("User-Agent") != "player" {
			t.Errorf("%s: header %v", c.path, got.Header)
		}
		if got.Caller == "" || strings.HasPrefix(got.Caller, "own ") {
			t.Errorf("%s: reported by %q, want the grant", c.path, got.Caller)
		}
	}
	if len(upstream) != 0 {
		t.Errorf("forwarded as well: %q", upstream)
	}

	j.taken = nil
	for _, c := range []struct {
		desc   string
		header []string
		status int
	}{
		{"a revoked grant", []string{"Authorization", "Bearer nonsense"}, 401},
		{"a page of another origin", []string{"Origin", "http://evil.example"}, 403},
	} {
		if a := w.Send("POST", "/api/session/s1/sync", strings.NewReader(`{}`), c.header...); a.StatusCode != c.status {
			t.Errorf("%s: %s", c.desc, a.Status)
		}
	}
	if len(j.taken) != 0 {
		t.Errorf("past the guards: %+v", j.taken)
	}

	// What is too large, or none of the journal's, goes to the server as it came.
	large := `{"x":"` + strings.Repeat("y", 70<<10) + `"}`
	if a := w.Send("PATCH", "/api/me/progress/i1", strings.NewReader(large), report...); a.StatusCode != 200 || len(j.taken) != 0 {
		t.Errorf("%s, %d taken", a.Status, len(j.taken))
	}
	chunked := struct{ io.Reader }{strings.NewReader(large)}
	if a := w.Send("PATCH", "/api/me/progress/i1", chunked, report...); a.StatusCode != 200 || len(j.taken) != 0 {
		t.Errorf("%s, %d taken", a.Status, len(j.taken))
	}
	j.err = progress.ErrNotOurs
	w.Send("POST", "/api/session/s1/sync", strings.NewReader(`nonsense`), report...)
	want := []string{"PATCH /api/me/progress/i1 " + large, "PATCH /api/me/progress/i1 " + large, "POST /api/session/s1/sync nonsense"}
	if len(upstream) != 3 || upstream[0] != want[0] || upstream[1] != want[1] || upstream[2] != want[2] {
		t.Errorf("forwarded %d", len(upstream))
	}

	for _, err := range []error{progress.ErrFull, progress.ErrDisk} {
		j.err = err
		a := w.Send("POST", "/api/session/s1/sync", strings.NewReader(`{}`), report...)
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%v: %s %v", err, a.Status, a.Header)
		}
	}

	if a := w.Send("POST", "/api/items/i1/play", strings.NewReader(`{}`), report...); a.StatusCode != 200 || len(j.opened) != 1 ||
		j.opened[0] != `{"id":"s1"}` || j.settled != 1 {
		t.Errorf("%s %q, settled %d", a.Status, j.opened, j.settled)
	}
	if w.Do("GET", "/api/me/progress/i1"); j.settled != 2 {
		t.Errorf("settled %d", j.settled)
	}
	if w.Do("GET", "/api/libraries"); j.settled != 2 {
		t.Errorf("settled %d", j.settled)
	}
}

// A real token in the server's answer to a report is no exception.
func TestReportsAreFiltered(t *testing.T) {
	j := &fakeJournal{answer: progress.Answer{Status: 400, Body: []byte(`{"token":"` + proxytest.Legacy + `"}`),
		Header: http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"a=b"}, "X-Token": {proxytest.Access1}}}}
	w := proxytest.NewWorld(t, func(http.ResponseWriter, *http.Request) {}, func(c *proxy.Config) { c.Journal = j })
	a := w.Send("POST", "/api/session/s1/sync", strings.NewReader(`{}`), "Authorization", "Bearer "+proxytest.Grant)
	if a.StatusCode != 400 || a.Text != `{"token":"`+proxytest.Grant+`"}` || a.Header.Get("Set-Cookie") != "" ||
		a.Header.Get("X-Token") == proxytest.Access1 {
		t.Errorf("%s %s %v", a.Status, a.Text, a.Header)
	}
}

// journalWorld is a local address before a double of the server, with the real
// journal between them.
func journalWorld(t *testing.T) (*proxytest.World, *absfake.Server, *progress.Journal) {
	t.Helper()
	fake, err := absfake.New(absfake.Config{LimiterMax: -1})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true}
	session := proxytest.SignedIn(t, fake)
	base := &url.URL{Scheme: "http", Host: "abs.example"}
	j := progress.New(progress.Config{
		Dir: filepath.Join(t.TempDir(), "j"), UserID: session.UserID, Base: base, Transport: transport, Tokens: session,
		Identity: func() string { return session.UserID },
	})
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &proxytest.World{T: t}
	w.Server, w.Addr = proxytest.Start(t, proxy.Config{
		Base: base, Transport: transport, Tokens: session, Grants: &proxytest.Grants{}, OwnUID: 4711, PeerOf: proxytest.Me, Journal: j,
		Identity: func() (string, []redact.Secret) { return session.Identity() },
	})
	return w, fake, j
}

// In an outage some players send the largest reports there are, at once: the
// process grows by 20 MB at most, others are answered, and what fits is kept.
func TestLargeReportsOfManyPlayers(t *testing.T) {
	w, fake, j := journalWorld(t)
	end := fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/api/*"})
	defer end()
	var batch, sessions strings.Builder
	batch.WriteString("[0")
	for i := range 20_000 {
		fmt.Fprintf(&batch, `,{"libraryItemId":"86a33fcc-28d2-4e3c-91af-%012d","isFinished":true}`, i)
	}
	batch.WriteString("]")
	fmt.Fprintf(&sessions, `{"deviceInfo":{"x":%q},"sessions":[0`, strings.Repeat("x", 1<<20))
	for i := range 4000 {
		fmt.Fprintf(&sessions, `,{"id":"s%d","libraryItemId":"i%d"}`, i, i)
	}
	sessions.WriteString("]}")
	debug.FreeOSMemory()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	var kept atomic.Int64
	for n := range 6 {
		method, path, body := "PATCH", "/api/me/progress/batch/update", batch.String()
		if n%3 == 2 {
			method, path, body = "POST", "/api/session/local-all", sessions.String()
		}
		wg.Go(func() {
			a := w.Send(method, path, strings.NewReader(body), "Content-Type", "application/json")
			switch a.StatusCode {
			case http.StatusOK:
				kept.Add(1)
			case http.StatusServiceUnavailable:
			default:
				t.Errorf("%s %s", a.Status, a.Text)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	peak, slowest, held := uint64(0), time.Duration(0), time.Duration(0) // held: by the machine, which has other things to do
	for running := true; running; {
		began := time.Now()
		j.Status()
		slowest = max(slowest, time.Since(began))
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapInuse)
		began = time.Now()
		select {
		case <-done:
			running = false
		case <-time.After(2 * time.Millisecond):
		}
		held = max(held, time.Since(began))
	}
	if grown := int64(peak) - int64(before.HeapInuse); grown > 20<<20 || slowest > time.Second+2*held || kept.Load() == 0 {
		t.Errorf("%.1f MB, status within %v, %d kept", float64(grown)/(1<<20), slowest, kept.Load())
	}
}

// From a player's request to the server's sum, through an outage and a restart,
// with the real journal.
func TestProgressThroughTheProxy(t *testing.T) {
	w, fake, j := journalWorld(t)
	as := []string{"Content-Type", "application/json"}
	book := fake.Library().Tracks().ID
	var s struct{ ID string }
	a := w.Send("POST", "/api/items/"+book+"/play", strings.NewReader(`{"forceDirectPlay":true,"deviceInfo":{"deviceId":"d"}}`), as...)
	if err := json.Unmarshal([]byte(a.Text), &s); err != nil {
		t.Fatal(err)
	}
	sync := func(body string) {
		t.Helper()
		if a := w.Send("POST", "/api/session/"+s.ID+"/sync", strings.NewReader(body), as...); a.StatusCode != 200 || a.Text != "OK" {
			t.Fatalf("%s %s", a.Status, a.Text)
		}
	}
	sync(`{"currentTime":10,"timeListened":10}`)
	end := fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/api/session/*"})
	sync(`{"currentTime":20,"timeListened":10.5}`)
	sync(`{"currentTime":30,"timeListened":10}`)
	if n := j.Status().Waiting; n != 2 {
		t.Errorf("waiting %d", n)
	}
	fake.Restart()
	end()
	// The question for the place waits for the reports before it.
	var place struct{ CurrentTime float64 }
	for begun := time.Now(); time.Since(begun) < proxytest.RawDeadline; {
		a = w.Do("GET", "/api/me/progress/"+book)
		if err := json.Unmarshal([]byte(a.Text), &place); err != nil {
			t.Fatalf("%s %s", a.Status, a.Text)
		}
		if place.CurrentTime == 30 {
			break
		}
	}
	if place.CurrentTime != 30 {
		t.Errorf("at %v", place.CurrentTime)
	}
	var list struct {
		Sessions []struct{ TimeListening float64 }
	}
	a = w.Do("GET", "/api/me/listening-sessions")
	if err := json.Unmarshal([]byte(a.Text), &list); err != nil || len(list.Sessions) != 1 || list.Sessions[0].TimeListening != 30.5 {
		t.Errorf("%s %v", a.Text, err)
	}
}
