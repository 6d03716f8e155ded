package doctor

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bed is a server with something in front of it that is wrong in one way.
func bed(t *testing.T, wrong func(http.Handler) http.Handler) Report {
	t.Helper()
	fake, err := absfake.New(absfake.Config{BasePath: "/audiobookshelf"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	front := httptest.NewServer(wrong(withPicture(fake.Handler())))
	t.Cleanup(front.Close)
	base, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	up, err := upstream.New(upstream.Policy{Base: base, ProxyURL: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	report, err := Examine(t.Context(), Subject{Up: up, Account: "home", State: t.TempDir(), watch: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// withPicture adds files of the web client, which the double lacks: a picture, and the
// page that names the folder in which its programs lie.
func withPicture(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/audiobookshelf") {
		case "/Logo.png":
			http.ServeContent(w, r, "Logo.png", time.Time{}, strings.NewReader("a picture"))
			return
		case "/api/upload": // the double reads a body first, Audiobookshelf looks at the token
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte("Unauthorized")) // the client may be gone
			return
		case "/login/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(`<!doctype html><html><head><script src="/audiobookshelf/_nuxt/0123abc.js"></script>`)) // the client may be gone
			return
		}
		h.ServeHTTP(w, r)
	})
}

func finding(t *testing.T, r Report, id string) Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("no %s in %+v", id, r)
	return Finding{}
}

func TestHealthyServer(t *testing.T) {
	r := bed(t, func(h http.Handler) http.Handler { return h })
	if r.Primary != "" {
		t.Errorf("primary %s: %+v", r.Primary, finding(t, r, r.Primary))
	}
	for _, id := range []string{"disk", "proxy", "dns", "connect", "tls", "identity", "clock", "api", "refresh-header", "websocket",
		"ranges", "upload", "buffering", "web-page", "base-path", "limiter"} {
		if f := finding(t, r, id); f.Verdict != OK {
			t.Errorf("%+v", f)
		}
	}
	if f := finding(t, r, "encryption"); f.Verdict != Note || !strings.Contains(f.Evidence, "your own network") {
		t.Errorf("%+v", f)
	}
}

// Each way of being wrong is named as the one fault to mend.
func TestPrimaryFault(t *testing.T) {
	without := func(name string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del(name)
				h.ServeHTTP(w, r)
			})
		}
	}
	answering := func(on string, status int, body string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, on) {
					w.Header().Set("Content-Type", "text/html")
					w.WriteHeader(status)
					_, _ = w.Write([]byte(body)) // a test's client may be gone
					return
				}
				h.ServeHTTP(w, r)
			})
		}
	}
	for name, c := range map[string]struct {
		wrong             func(http.Handler) http.Handler
		primary, evidence string
	}{
		"the renewal's header is dropped": {without("X-Refresh-Token"), "refresh-header", "does not see"},
		"no websockets":                   {without("Upgrade"), "websocket", "answered with 400"},
		"ranges are dropped":              {without("Range"), "ranges", "cannot seek"},
		"a login page before the API":     {answering("/api", 302, "<html>login"), "api", ""},
		"a gateway without a server":      {answering("/", 502, "<html>bad gateway"), "identity", "502"},
		"the renewal's route is guarded":  {answering("/auth/refresh", 403, "<html>forbidden"), "refresh-header", "403"},
	} {
		t.Run(name, func(t *testing.T) {
			r := bed(t, c.wrong)
			if r.Primary != c.primary {
				t.Fatalf("primary %q, want %q: %+v", r.Primary, c.primary, r.Findings)
			}
			if f := finding(t, r, c.primary); !strings.Contains(f.Evidence, c.evidence) || f.Remedy == "" {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A limit of uploads that hits books alone is a note, and what needs a failed check is not asked.
func TestUploadLimitAndSkips(t *testing.T) {
	r := bed(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 100<<20 {
				w.Header().Set("Connection", "close")
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	if f := finding(t, r, "upload"); f.Verdict != Note || !strings.Contains(f.Remedy, "client_max_body_size") {
		t.Errorf("%+v", f)
	}
	dead := httptest.NewServer(http.NotFoundHandler())
	base, err := url.Parse(dead.URL)
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	up, err := upstream.New(upstream.Policy{Base: base, ProxyURL: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	r, err = Examine(t.Context(), Subject{Up: up})
	if err != nil {
		t.Fatal(err)
	}
	if f := finding(t, r, "websocket"); r.Primary != "connect" || f.Verdict != Unknown || f.Because != "connect" {
		t.Errorf("primary %s, %+v", r.Primary, f)
	}
}

// A share of the server's limit that is used up is left alone.
func TestExaminationKeepsToTheLimit(t *testing.T) {
	asked := 0
	front := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/refresh" {
			asked++
		}
	}))
	defer front.Close()
	base, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	up, err := upstream.New(upstream.Policy{Base: base, ProxyURL: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	for _, c := range []struct {
		wait  time.Duration
		err   error
		asked int
	}{{time.Minute, nil, 0}, {0, errors.New("the disk is full"), 0}, {0, nil, 1}} {
		r := &run{Subject: Subject{Up: up, Spend: func() (time.Duration, error) { return c.wait, c.err }}, base: base}
		r.status.Version = "2.36.0"
		f := r.refreshHeader(t.Context())
		if asked != c.asked || c.asked == 0 && f.Verdict != Unknown {
			t.Errorf("%+v: asked %d times, %+v", c, asked, f)
		}
	}
}
