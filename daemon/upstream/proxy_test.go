package upstream

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
