package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// connectProxy is an HTTP proxy that tunnels everything to one address and
// notes what it was asked for.
type connectProxy struct {
	target string
	mu     sync.Mutex
	asked  []string
	tunnel sync.WaitGroup
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, r.Host+" "+r.Header.Get("Proxy-Authorization")+r.Header.Get("X-Gate"))
	p.mu.Unlock()
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	p.tunnel.Add(2) // before anybody can know of the tunnel, and wait for it
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	pass := func(to, from net.Conn) {
		defer p.tunnel.Done()
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	go pass(near, far)
	go pass(far, near)
}

// Through an http and an https proxy alike: REST, private connection and
// websocket take the same way, and the gateway's headers stay inside the tunnel.
func TestEverythingGoesThroughTheProxy(t *testing.T) {
	ca := newAuthority(t)
	s := ca.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket.io/" {
			echoSocket(w, r)
			return
		}
		_, _ = io.WriteString(w, r.Host+r.Header.Get("X-Gate"))
	}))
	p := &connectProxy{target: s.Listener.Addr().String()}
	plain := httptest.NewServer(p)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(p)
	secure.TLS = ca.serve(t, http.NotFoundHandler()).TLS.Clone()
	secure.TLS.NextProtos = []string{"http/1.1"}
	secure.StartTLS()
	defer secure.Close()
	for _, proxy := range []string{"http://bob:pw@" + plain.Listener.Addr().String(), "https://bob:pw@" + secure.Listener.Addr().String()} {
		p.mu.Lock()
		p.asked = nil
		p.mu.Unlock()
		u, err := New(Policy{Base: address(t, "https://abs.example"), CAFile: ca.file, ProxyURL: proxy, Headers: secrets("X-Gate", "hush")})
		if err != nil {
			t.Fatal(err)
		}
		if _, body, err := fetch(t, u.Transport().RoundTrip, "GET", "https://abs.example/x"); err != nil || body != "abs.examplehush" {
			t.Errorf("REST: %q %v", body, err)
		}
		private := u.Private()
		if _, body, err := fetch(t, private.Do, "GET", "https://abs.example/x"); err != nil || body != "abs.examplehush" {
			t.Errorf("private: %q %v", body, err)
		}
		if err := speak(t, u, "wss://abs.example/socket.io/"); err != nil {
			t.Errorf("websocket: %v", err)
		}
		private.Close()
		u.Close()
		p.tunnel.Wait()
		if got := strings.Join(p.asked, ","); got != strings.TrimSuffix(strings.Repeat("abs.example:443 Basic Ym9iOnB3,", 3), ",") {
			t.Errorf("%s was asked for %s", proxy, got)
		}
	}
}

// A proxy that fails is named with what sets it, for REST, private connection and
// websocket alike, and without its password.
func TestFailingProxyIsNamed(t *testing.T) {
	gone := freeAddress(t)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer refusing.Close()
	answering := func(status int) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>the proxy's page</html>"))
		}))
		t.Cleanup(s.Close)
		return s
	}
	forbidding, failing := answering(http.StatusForbidden), answering(http.StatusBadGateway)
	for _, c := range []struct{ desc, proxy, base, says string }{
		{"nobody there, http", "http://u:hush@" + gone, "http://abs.example",
			"http://" + gone + ", which config.toml sets, refuses the connection"},
		{"nobody there, https", "http://u:hush@" + gone, "https://abs.example", "refuses the connection"},
		{"nobody there, socks", "socks5://" + gone, "https://abs.example", "socks5://" + gone},
		{"wants a password", refusing.URL, "https://abs.example", "wants a user and a password (407 Proxy Authentication Required)"},
		{"wants a password, http", refusing.URL, "http://abs.example", "wants a user and a password (407 Proxy Authentication Required)"},
		{"forbids it", forbidding.URL, "https://abs.example", "forbids the way to the server (403 Forbidden"},
		{"forbids it, http", forbidding.URL, "http://abs.example", "forbids the way to the server (403 Forbidden"},
		{"finds no server, http", failing.URL, "http://abs.example", "answers 502 Bad Gateway"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			u := open(t, Policy{Base: address(t, c.base), ProxyURL: c.proxy})
			private := u.Private()
			defer private.Close()
			ws := func(r *http.Request) (*http.Response, error) {
				_, _, err := u.WebsocketDialer().Dial("ws"+strings.TrimPrefix(c.base, "http"), nil)
				return nil, err
			}
			for name, do := range map[string]func(*http.Request) (*http.Response, error){"pool": u.Transport().RoundTrip,
				"private": private.Do, "socket": ws} {
				r, err := http.NewRequest("GET", c.base+"/ping", nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = do(r)
				var failed *ProxyError
				if !errors.As(err, &failed) || !strings.Contains(failed.Evidence(), c.says) || strings.Contains(err.Error(), "hush") {
					t.Errorf("%s: %v", name, err)
					continue
				}
				u.ready.Load().environmentProxy = true
				var e *ProxyError
				if !errors.As(u.ready.Load().atProxy(r, failed.Err), &e) || !strings.Contains(e.Error(), "environment") ||
					!strings.Contains(e.Remedy(), "`shelfkeeper account set NAME --proxy direct`") || len(e.Error()) > 160 {
					t.Errorf("%s: %v", name, e)
				}
				u.ready.Load().environmentProxy = false
			}
		})
	}
}

// A name in another script is dialled in punycode, by REST and the live socket alike.
func TestNamesInOtherScripts(t *testing.T) {
	var mu sync.Mutex
	var dialled []string
	dial := func(_ context.Context, _, addr string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		dialled = append(dialled, addr)
		return nil, errors.New("down")
	}
	u := open(t, Policy{Base: &url.URL{Scheme: "http", Host: "Bücher.example:8080"}, Dial: dial})
	r, err := http.NewRequest("GET", "http://bücher.example:8080/ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Transport().RoundTrip(r); err == nil {
		t.Error("an answer")
	}
	address := u.URL("socket.io/")
	address.Scheme = "ws"
	if _, _, err := u.WebsocketDialer().DialContext(t.Context(), address.String(), u.Header()); err == nil {
		t.Error("a socket")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(dialled) != 2 || dialled[0] != "xn--bcher-kva.example:8080" || dialled[1] != dialled[0] {
		t.Errorf("dialled %q", dialled)
	}
	if zoned := open(t, Policy{Base: &url.URL{Scheme: "http", Host: "[FE80::1%Eth0]"}, Dial: dial}); zoned.Base().Host != "[fe80::1%Eth0]" {
		t.Errorf("the zone became %s", zoned.Base().Host)
	}
}
