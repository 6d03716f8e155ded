package absfake

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (w *world) file() (path, token string, size int64) {
	item := w.s.Library().Large()
	return "/api/items/" + item.ID + "/file/" + item.Files[0].Ino, w.login().access, item.Size()
}

func TestLoseAnswerRotates(t *testing.T) {
	eachRelease(t, Config{}, func(t *testing.T, w *world, f facts) {
		first := w.login()
		time.Sleep(2 * time.Second)
		w.s.Inject(Fault{Kind: LoseAnswer, Path: "/auth/refresh", Times: 1})
		if r := w.do("POST", "/auth/refresh", nil, "x-refresh-token", first.refresh); r.err == nil {
			t.Fatalf("an answer came: %d", r.status)
		}
		rotations := w.s.Ledger().Rotations("demo")
		if len(rotations) != 1 || rotations[0].From != TokenID(first.refresh) || rotations[0].Replay {
			t.Fatalf("rotations %+v", rotations)
		}
		if f.grace == 0 {
			w.refused(first.refresh, msgInvalidRefresh)
			return
		}
		got := w.mustRefresh(first.refresh)
		if TokenID(got.refresh) != rotations[0].To {
			t.Error("the retry did not get the lost token")
		}
		if r := w.s.Ledger().Rotations("demo"); len(r) != 2 || !r[1].Replay {
			t.Errorf("rotations %+v", r)
		}
	})
}

func TestInternalAs401LeavesTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Release: R2263})
		first := w.login()
		w.s.Inject(Fault{Kind: InternalAs401, Times: 2})
		w.refused(first.refresh, msgInvalidRefresh)
		w.refused(first.refresh, msgInvalidRefresh)
		w.mustRefresh(first.refresh)
	})
}

func TestCutBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 1 << 20})
		path, token, size := w.file()
		for _, n := range []int64{0, 1, 5000, 300_000, size} {
			remove := w.s.Inject(Fault{Kind: CutBytes, Path: path, Bytes: n})
			r := w.do("GET", path, nil, "Authorization", "Bearer "+token)
			if int64(len(r.body)) != n || (n < size && !errors.Is(r.err, io.ErrUnexpectedEOF)) {
				t.Errorf("cut at %d: %d bytes, %v", n, len(r.body), r.err)
			}
			remove()
		}
		// A body shorter than that is whole.
		w.s.Inject(Fault{Kind: CutBytes, Bytes: 1 << 19})
		if r := w.do("GET", "/ping", nil); r.err != nil || r.body != `{"success":true}` {
			t.Errorf("%v %q", r.err, r.body)
		}
	})
}

func TestRateAndCutAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 1 << 20})
		path, token, size := w.file()
		w.s.Inject(Fault{Kind: Rate, Bytes: 100_000})
		began := time.Now()
		r := w.do("GET", path, nil, "Authorization", "Bearer "+token)
		if took := time.Since(began).Seconds(); r.err != nil || int64(len(r.body)) != size || took < 10.4 || took > 10.6 {
			t.Errorf("1 MiB at 100 kB/s took %.2f s (%v)", took, r.err)
		}
		remove := w.s.Inject(Fault{Kind: CutAfter, After: 4 * time.Second})
		began = time.Now()
		r = w.do("GET", path, nil, "Authorization", "Bearer "+token)
		if took := time.Since(began); !errors.Is(r.err, io.ErrUnexpectedEOF) || took < 4*time.Second || took > 4100*time.Millisecond ||
			len(r.body) < 390_000 || len(r.body) > 410_000 {
			t.Errorf("cut after 4 s: %d bytes in %v (%v)", len(r.body), took, r.err)
		}
		// What is over by then is whole, and its connection goes on.
		for range 3 {
			if r := w.do("GET", path, nil, "Authorization", "Bearer "+token, "Range", "bytes=0-99999"); r.err != nil ||
				len(r.body) != 100_000 {
				t.Errorf("a second's worth: %d bytes, %v", len(r.body), r.err)
			}
			time.Sleep(5 * time.Second)
		}
		remove()
	})
}

// A client that has stopped reading is cut all the same.
func TestCutAfterOfAReaderThatStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 1 << 20})
		path, token, _ := w.file()
		w.s.Inject(Fault{Kind: CutAfter, After: 4 * time.Second})
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://abs.test"+path+"?token="+token, nil)
		answer, err := w.client.Do(r)
		must(t, err)
		began := time.Now()
		must(t, w.s.Ledger().Wait(t.Context(), func(l *Ledger) bool { return l.Totals().Lost == 1 }))
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("cut after %v", took)
		}
		_ = answer.Body.Close()
	})
}

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 1 << 20})
		path, _, size := w.file()
		// For a time.
		remove := w.s.Inject(Fault{Kind: Stall, Path: "/ping", After: 30 * time.Second})
		began := time.Now()
		if r := w.do("GET", "/ping", nil); r.status != 200 || time.Since(began) != 30*time.Second {
			t.Errorf("%d after %v", r.status, time.Since(began))
		}
		remove()
		// Until released.
		remove = w.s.Inject(Fault{Kind: Stall, Path: "/ping"})
		time.AfterFunc(time.Hour, remove)
		began = time.Now()
		if r := w.do("GET", "/ping", nil); r.status != 200 || time.Since(began) != time.Hour {
			t.Errorf("%d after %v", r.status, time.Since(began))
		}
		// In the middle of a body.
		token := w.login().access
		w.s.Inject(Fault{Kind: Stall, Bytes: 1000, After: time.Minute, Times: 1})
		began = time.Now()
		if r := w.do("GET", path, nil, "Authorization", "Bearer "+token); int64(len(r.body)) != size || time.Since(began) != time.Minute {
			t.Errorf("%d bytes after %v", len(r.body), time.Since(began))
		}
		// Until the client goes; Close would hang otherwise.
		w.s.Inject(Fault{Kind: Stall})
		w.client.Timeout = time.Second
		if r := w.do("GET", "/ping", nil); r.err == nil {
			t.Error("a stalled request was answered")
		}
	})
}

func TestAnswersOfSomethingInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		first := w.login()
		for _, c := range []struct {
			desc     string
			fault    Fault
			status   int
			contains string
		}{
			{"502", Fault{Kind: Answer}, 502, "502 Bad Gateway"},
			{"404", Fault{Kind: Answer, Status: 404}, 404, "404 Not Found"},
			{"own body", Fault{Kind: Answer, Status: 503, Body: "{}", ContentType: "application/json"}, 503, "{}"},
			{"portal", Fault{Kind: Portal}, 200, "Welcome to our network"},
			{"redirect", Fault{Kind: Redirect}, 302, ""},
		} {
			c.fault.Path = "/auth/refresh"
			remove := w.s.Inject(c.fault)
			r := w.do("POST", "/auth/refresh", nil, "x-refresh-token", first.refresh)
			if r.status != c.status || !strings.Contains(r.body, c.contains) || r.header.Get("Referrer-Policy") != "" {
				t.Errorf("%s: %d %q", c.desc, r.status, r.body)
			}
			if c.fault.Kind == Redirect && r.header.Get("Location") != portalURL {
				t.Errorf("leads to %q", r.header.Get("Location"))
			}
			remove()
		}
		if n := w.s.Ledger().Totals().Rotations; n != 0 {
			t.Errorf("%d rotations behind a gateway that was away", n)
		}
		w.s.Inject(Fault{Kind: Answer, Status: 504, Path: "/auth/refresh", Handled: true})
		w.do("POST", "/auth/refresh", nil, "x-refresh-token", first.refresh)
		if n := w.s.Ledger().Totals().Rotations; n != 1 {
			t.Errorf("%d rotations behind a gateway that lost patience", n)
		}
	})
}

func TestRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.s.Inject(Fault{Kind: Refuse, Times: 1, Path: "/login"})
		if r := w.do("POST", "/login", m{"username": "demo", "password": "demo"}); r.err == nil {
			t.Errorf("answered %d", r.status)
		}
		if n := w.s.Ledger().PasswordLogins("demo"); n != 0 {
			t.Error("a refused request was handled")
		}
		w.login()
	})
	// On a real socket the client sees a reset.
	s, err := New(Config{Large: 1 << 20})
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	s.Inject(Fault{Kind: Refuse})
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	_, err = io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) && isLinux() {
		t.Errorf("read %d, %v", n, err)
	}
	_ = conn.Close()
	must(t, s.Close())
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
}

func TestFaultsArePickedByCountPathAndChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Seed: 7})
		w.s.Inject(Fault{Kind: Answer, Status: 500, Path: "/PING", Method: "GET", Skip: 1, Times: 2})
		var got []int
		for range 5 {
			got = append(got, w.do("GET", "/ping", nil).status)
		}
		if want := []int{200, 500, 500, 200, 200}; !equalInts(got, want) {
			t.Errorf("statuses %v, want %v", got, want)
		}
		count := func(seed uint64) (hits []int) {
			w := newWorld(t, Config{Seed: seed})
			w.s.Inject(Fault{Kind: Answer, Status: 500, Probability: 0.25})
			for range 400 {
				hits = append(hits, w.do("GET", "/ping", nil).status)
			}
			return hits
		}
		a, b, c := count(1), count(1), count(2)
		n := 0
		for _, s := range a {
			if s == 500 {
				n++
			}
		}
		if n < 60 || n > 140 {
			t.Errorf("%d of 400 struck with a probability of a quarter", n)
		}
		if !equalInts(a, b) || equalInts(a, c) {
			t.Error("the choice must follow from the seed")
		}
	})
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "/anything", true},
		{"/api/", "/api/me", true},
		{"/api/", "/API/ME", true},
		{"/api/me", "/login", false},
		{"/api/items/*/file/*", "/api/items/x/file/1", true},
		{"/api/items/*/file/*", "/api/items/x/cover", false},
		{"*/cover", "/api/items/x/cover", true},
		{"*/cover", "/api/items/x/cover/y", false},
		{"/a*b*c", "/aXbYc", true},
		{"/a*b*c", "/acb", false},
		{"/a*a", "/a", false},
	} {
		if got := fits(c.pattern, c.path); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.path, got)
		}
	}
}
