package upstream

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/redact"
)

func secrets(kv ...string) map[string]redact.Secret {
	m := map[string]redact.Secret{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = redact.New(kv[i+1])
	}
	return m
}

// The users' oldest complaint about other apps: a header that works for REST
// and is missing from the stream or the socket.
func TestHeadersReachEverything(t *testing.T) {
	ca := newAuthority(t)
	var mu sync.Mutex
	seen := map[string]http.Header{}
	protos := map[string]int{}
	s := ca.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Path], protos[r.URL.Path] = r.Header, r.ProtoMajor
		mu.Unlock()
		if r.URL.Path == "/sub/socket.io/" {
			echoSocket(w, r)
		}
	}))
	u := open(t, Policy{
		Base: address(t, s.URL+"/sub/"), CAFile: ca.file, UserAgent: "test/1",
		Headers: secrets("cf-access-client-id", "id.access", "CF-Access-Client-Secret", "hush", "cookie", "gw=1"),
	})
	get := u.Transport().RoundTrip
	if resp, _, err := fetch(t, get, "GET", u.URL("/api/me").String()); err != nil || resp.ProtoMajor != 2 {
		t.Fatalf("REST: %v %v", resp, err)
	}
	p := u.Private()
	defer p.Close()
	if resp, _, err := fetch(t, p.Do, "POST", u.URL("auth/refresh").String()); err != nil || resp.ProtoMajor != 1 {
		t.Fatalf("private: %v %v", resp, err)
	}
	if err := speak(t, u, "wss"+strings.TrimPrefix(u.URL("socket.io/").String(), "https")); err != nil {
		t.Fatalf("websocket: %v", err)
	}
	for _, path := range []string{"/sub/api/me", "/sub/auth/refresh", "/sub/socket.io/"} {
		h := seen[path]
		if h.Get("Cf-Access-Client-Id") != "id.access" || h.Get("Cf-Access-Client-Secret") != "hush" || h.Get("Cookie") != "gw=1" ||
			h.Get("User-Agent") != "test/1" {
			t.Errorf("%s saw %v", path, h)
		}
		if h.Get("Accept-Encoding") != "" {
			t.Errorf("%s: asks for compression", path)
		}
	}
}

func TestHeadersStayAtTheirOrigin(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]http.Header{}
	note := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			seen[name] = r.Header
			if name == "ours" {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
			}
		}))
		t.Cleanup(s.Close)
		return s
	}
	ours, other := note("ours"), note("other")
	u := open(t, Policy{Base: address(t, ours.URL), Headers: secrets("X-Gate", "hush")})
	for _, target := range []string{ours.URL, other.URL} {
		resp, _, err := fetch(t, u.Transport().RoundTrip, "GET", target)
		if err != nil || target == ours.URL && resp.StatusCode != http.StatusFound {
			t.Fatalf("%s: %v %v", target, resp, err)
		}
	}
	if seen["ours"].Get("X-Gate") != "hush" || seen["other"].Get("X-Gate") != "" || seen["other"].Get("User-Agent") != "" &&
		seen["other"].Get("User-Agent") != "Go-http-client/1.1" {
		t.Errorf("ours %v, other %v", seen["ours"], seen["other"])
	}
	if err := speak(t, u, "ws"+strings.TrimPrefix(other.URL, "http")); err == nil ||
		!strings.Contains(err.Error(), "not the account's server") {
		t.Errorf("a websocket to another origin: %v", err)
	}
}

func TestSameOrigin(t *testing.T) {
	u := open(t, Policy{Base: address(t, "https://ABS.example/x")})
	for target, want := range map[string]bool{
		"https://abs.example/": true, "https://abs.example:443/y": true, "https://Abs.Example": true,
		"http://abs.example/": false, "https://abs.example:8443/": false, "https://abs.example.evil/": false, "https://evil/abs.example": false,
	} {
		if got := u.sameOrigin(address(t, target)); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}

// The caller's request is the caller's: it may send it again elsewhere.
func TestPrepareLeavesTheRequestAlone(t *testing.T) {
	u := open(t, Policy{Base: address(t, "http://abs.example"), Headers: secrets("X-Gate", "hush", "X-Own", "policy"),
		HeadersFor: []string{"http://abs.example"}})
	r, _ := http.NewRequest("POST", "http://abs.example/", nil)
	r.Header.Set("X-Own", "mine")
	r.Header.Set("User-Agent", "mpv")
	r.Header.Set("Idempotency-Key", "1")
	r.Header["X-Idempotency-Key"] = []string{"2"}
	out := u.prepare(t.Context(), u.ready.Load(), r, u.base)
	if r.Header.Get("X-Gate") != "" || r.Header.Get("X-Own") != "mine" || r.Header.Get("Idempotency-Key") != "1" {
		t.Errorf("changed: %v", r.Header)
	}
	if out.Header.Get("X-Own") != "policy" || out.Header.Get("User-Agent") != "mpv" {
		t.Errorf("sent: %v", out.Header)
	}
	// With either of them net/http would send a POST twice.
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if _, left := out.Header[name]; left {
			t.Errorf("%s goes out", name)
		}
	}
	r.Method, r.Header = "GET", nil
	if got := u.prepare(t.Context(), u.ready.Load(), r, u.base).Header.Get("User-Agent"); got != DefaultUserAgent {
		t.Errorf("user agent %q", got)
	}
	forced := open(t, Policy{Base: address(t, "http://abs.example"), Headers: secrets("user-agent", "Mozilla")})
	if got := forced.prepare(t.Context(), forced.ready.Load(), r, forced.base).Header.Get("User-Agent"); got != "Mozilla" {
		t.Errorf("user agent %q", got)
	}
	h := u.Header()
	h.Set("X-Gate", "changed")
	if u.Header().Get("X-Gate") != "hush" {
		t.Error("Header hands out its own map")
	}
}

func TestHeaderRules(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"Authorization", "Basic x", "own token"},
		{"host", "evil", "Host cannot be set"},
		{"content-length", "5", "each request"},
		{"TRANSFER-ENCODING", "chunked", "each request"},
		{"connection", "close", "each connection"},
		{"Sec-WebSocket-Key", "x", "each connection"},
		{"x-refresh-token", "x", "session's token"},
		{"Accept-Encoding", "gzip", "compressed"},
		{"Idempotency-Key", "1", "sent twice"},
		{"Cookie", "a=1; refresh_token=x", "refresh_token"},
		{"Cookie", "Connect.sid=x", "own sign-in"},
		{"X Gate", "x", "not a header name"},
		{"", "x", "not a header name"},
		{"X-Gate:", "x", "not a header name"},
		{"X-Gäte", "x", "not a header name"},
		{"X-Gate", "", "no value"},
		{"X-Gate", "hush\r\nEvil: 1", "line break"},
		{"X-Gate", " hush", "characters"},
		{"X-Gate", "hu\x00sh", "characters"},
	} {
		_, err := New(Policy{Base: address(t, "http://abs.example"), Headers: secrets(c.name, c.value)})
		if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %q: %v", c.name, c.value, err)
		}
	}
	_, err := New(Policy{Base: address(t, "http://abs.example"), Headers: secrets("X-Gate", "1", "x-gate", "2")})
	if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "twice") {
		t.Errorf("twice: %v", err)
	}
	if _, err := New(Policy{Base: address(t, "http://abs.example"), UserAgent: "a\nb"}); !errors.Is(err, ErrPolicy) {
		t.Errorf("user agent: %v", err)
	}
	if _, err := New(Policy{Base: address(t, "http://abs.example"), Headers: secrets("X-Gate", "höhe")}); err != nil {
		t.Errorf("UTF-8 in a value: %v", err)
	}
}

// A gateway's cookie and those of a sign-in through OpenID are needed both.
func TestCookiesJoin(t *testing.T) {
	var cookies, agents []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cookies, agents = r.Header["Cookie"], r.Header["User-Agent"]
	}))
	defer s.Close()
	u := open(t, Policy{Base: address(t, s.URL), Headers: secrets("Cookie", "gw=1")})
	p := u.Private()
	defer p.Close()
	for _, own := range []string{"", "connect.sid=a; auth_method=b"} {
		do := func(r *http.Request) (*http.Response, error) {
			if own != "" {
				r.Header.Set("Cookie", own)
			}
			return p.Do(r)
		}
		if _, _, err := fetch(t, do, "GET", u.URL("/auth/openid/callback").String()); err != nil {
			t.Fatal(err)
		}
		want := strings.TrimPrefix(own+"; gw=1", "; ")
		if len(cookies) != 1 || cookies[0] != want || len(agents) != 1 {
			t.Errorf("cookies %q, want %q", cookies, want)
		}
	}
}
