package upstream

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBaseIsChecked(t *testing.T) {
	for _, raw := range []string{"", "/x", "http://", "https://:443", "ftp://h", "https://bob:hush@h", "https://h/?a", "https://h/#a"} {
		_, err := New(Policy{Base: address(t, raw)})
		if !errors.Is(err, ErrPolicy) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	if _, err := New(Policy{}); !errors.Is(err, ErrPolicy) {
		t.Errorf("no address: %v", err)
	}
}

func TestURL(t *testing.T) {
	u := open(t, Policy{Base: address(t, "https://ABS.example/audiobookshelf/")})
	for path, want := range map[string]string{
		"/api/me":       "https://abs.example/audiobookshelf/api/me",
		"ping":          "https://abs.example/audiobookshelf/ping",
		"/socket.io/":   "https://abs.example/audiobookshelf/socket.io/",
		"/api/a%2Fb":    "https://abs.example/audiobookshelf/api/a%2Fb",
		"/../../../etc": "https://abs.example/etc",
	} {
		if got := u.URL(path).String(); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	b := u.Base()
	b.Host = "evil"
	if u.Base().String() != "https://abs.example/audiobookshelf" {
		t.Errorf("base %v", u.Base())
	}
}

func TestCAFile(t *testing.T) {
	ca := newAuthority(t)
	s := ca.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	with := open(t, Policy{Base: address(t, s.URL), CAFile: ca.file})
	if _, body, err := fetch(t, with.Transport().RoundTrip, "GET", s.URL); err != nil || body != "ok" {
		t.Errorf("with the file: %q %v", body, err)
	}
	without := open(t, Policy{Base: address(t, s.URL)})
	if _, _, err := fetch(t, without.Transport().RoundTrip, "GET", s.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the file: %v", err)
	}
	p := without.Private()
	defer p.Close()
	if _, _, err := fetch(t, p.Do, "GET", s.URL); err == nil {
		t.Error("a private connection trusts more than the policy")
	}
	if err := speak(t, without, "wss"+strings.TrimPrefix(s.URL, "https")); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a websocket trusts more than the policy: %v", err)
	}
}

func TestCAFileErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := newAuthority(t)
	good, err := os.ReadFile(ca.file)
	if err != nil {
		t.Fatal(err)
	}
	key := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	for _, c := range []struct{ desc, path, says string }{
		{"missing", filepath.Join(dir, "none.pem"), "none.pem"},
		{"a folder", dir, "not a file"},
		{"empty", write("empty.pem", ""), "no certificate"},
		{"DER or text", write("der.pem", "0\x82\x03"), "-----BEGIN CERTIFICATE-----"},
		{"a key only", write("key.pem", key), "no certificate"},
		{"broken certificate", write("broken.pem", string(good)+"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
			"certificate 2 of CA file"},
		{"huge", write("huge.pem", strings.Repeat("x", maxCAFile+1)), "too large"},
	} {
		_, err := New(Policy{Base: address(t, "https://abs.example"), CAFile: c.path})
		if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.path) ||
			strings.Count(err.Error(), c.path) != 1 {
			t.Errorf("%s: %v", c.desc, err)
		}
	}
	_, err = New(Policy{Base: address(t, "https://abs.example"), CAFile: filepath.Join(dir, "none.pem")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	open(t, Policy{Base: address(t, "https://abs.example"), CAFile: write("both.pem", key+string(good))})
}

func TestProxyRules(t *testing.T) {
	base := address(t, "https://abs.example")
	for _, raw := range []string{"proxy:3128", "ftp://p", "http://", "http://bob:hush@[", "://"} {
		if _, err := New(Policy{Base: base, ProxyURL: raw}); !errors.Is(err, ErrPolicy) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	r := &http.Request{URL: base}
	for raw, want := range map[string]string{"http://p:3128": "http://p:3128", "socks5h://p": "socks5h://p", "https://p": "https://p"} {
		if got, err := open(t, Policy{Base: base, ProxyURL: raw}).ready.Load().proxy(r); err != nil || got.String() != want {
			t.Errorf("%q: %v %v", raw, got, err)
		}
	}
	direct, inMemory := open(t, Policy{Base: base, ProxyURL: "direct"}), open(t, Policy{Base: base, Dial: to("")})
	if direct.ready.Load().proxy != nil || inMemory.ready.Load().proxy != nil {
		t.Error("direct and inMemory networks must have no proxy")
	}
	if open(t, Policy{Base: base}).ready.Load().proxy == nil {
		t.Error("the environment's proxy is not asked")
	}
	// gorilla/websocket knows http and socks5 only.
	for raw, want := range map[string]string{"socks5h://p": "socks5://p:1080", "https://p": "http://p:443",
		"http://u:x@p:1": "http://u:x@p:1"} {
		route := &websocketRoute{upstream: open(t, Policy{Base: base, ProxyURL: raw})}
		q := &http.Request{URL: &url.URL{Scheme: "https", Host: "abs.example"}}
		if got, err := route.proxy(route.upstream.ready.Load(), q); err != nil || got.String() != want {
			t.Errorf("%q: %v %v", raw, got, err)
		}
	}
}
