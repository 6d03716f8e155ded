package upstream

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// closingProxy forwards plain http and closes each connection after one answer, without
// saying so beforehand.
func closingProxy(t *testing.T, target string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				r.RequestURI, r.URL.Host = "", target
				transport := &http.Transport{DisableKeepAlives: true}
				resp, err := transport.RoundTrip(r)
				if err != nil {
					return
				}
				defer resp.Body.Close()
				resp.Close = false
				resp.Header.Del("Connection")
				_ = resp.Write(c)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); running.Wait() })
	return "http://" + l.Addr().String()
}

// A proxy that forwards plain http and closes after each answer does not stop the
// private connection: a ping and a renewal have a connection each.
func TestPrivateThroughAForwardingProxy(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
	defer s.Close()
	target := strings.TrimPrefix(s.URL, "http://")
	for name, proxy := range map[string]func(*testing.T) string{
		"a double":  func(t *testing.T) string { return closingProxy(t, target) },
		"tinyproxy": tinyproxy,
	} {
		t.Run(name, func(t *testing.T) {
			u := open(t, Policy{Base: address(t, s.URL), ProxyURL: proxy(t)})
			p := u.Private()
			defer p.Close()
			for _, ask := range []string{"GET /ping", "POST /auth/refresh", "POST /auth/refresh"} {
				method, path, _ := strings.Cut(ask, " ")
				if _, body, err := fetch(t, p.Do, method, s.URL+path); err != nil || body != path {
					t.Errorf("%s: %q %v", ask, body, err)
				}
			}
		})
	}
}

// tinyproxy starts the real one.
func tinyproxy(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("tinyproxy")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("tinyproxy is not installed")
		}
		t.Skip("tinyproxy is not installed")
	}
	at := freeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	conf := filepath.Join(t.TempDir(), "tinyproxy.conf")
	text := "Port " + port + "\nListen 127.0.0.1\nTimeout 20\nMaxClients 20\nAllow 127.0.0.1\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-d", "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(time.Minute); ; {
		c, err := net.Dial("tcp", at)
		if err == nil {
			_ = c.Close()
			return "http://" + at
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond) // it does not listen yet
	}
}

// ALL_PROXY counts where no proxy of the scheme is set, and NO_PROXY keeps it away.
func TestProxyOfTheEnvironment(t *testing.T) {
	for _, c := range []struct{ env, base, want string }{
		{"ALL_PROXY=socks5://u:hush@p:1080", "https://abs.example", "socks5://p:1080"},
		{"all_proxy=socks5h://p:1080", "http://abs.example", "socks5h://p:1080"},
		{"ALL_PROXY=socks5://p:1080 HTTPS_PROXY=http://q:3128", "https://abs.example", "http://q:3128"},
		{"ALL_PROXY=socks5://p:1080 HTTPS_PROXY=http://q:3128", "http://abs.example", "socks5://p:1080"},
		{"ALL_PROXY=http://p:1 NO_PROXY=abs.example", "https://abs.example", ""},
		{"ALL_PROXY=http://p:1", "http://localhost:13378", ""},
		{"", "https://abs.example", ""},
	} {
		t.Run(c.env+" "+c.base, func(t *testing.T) {
			for _, name := range []string{"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
				t.Setenv(name, "")
				t.Setenv(strings.ToLower(name), "")
			}
			for _, pair := range strings.Fields(c.env) {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			u := open(t, Policy{Base: address(t, c.base)})
			got, from := u.ProxyInUse()
			if got != c.want || (from == "environment") != (c.want != "") {
				t.Errorf("%q from %q", got, from)
			}
			if base, _ := url.Parse(c.base); EnvironmentProxy(base) != c.want {
				t.Errorf("shown: %q", EnvironmentProxy(base))
			}
		})
	}
}
