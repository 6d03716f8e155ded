package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/redact"
)

// WebsocketDialer returns a dialer for one connection, with the policy's trust, proxy
// and headers. It refuses every origin but the one in use, since others must not get
// them. Close of the Upstream cuts its connections.
func (u *Upstream) WebsocketDialer() *websocket.Dialer {
	route := &websocketRoute{upstream: u}
	route.dialer = &websocket.Dialer{
		NetDialContext:   route.dial,
		HandshakeTimeout: websocketDeadline,
		Proxy:            route.prepare,
	}
	return route.dialer
}

// websocketRoute adds two kinds of proxy that net/http knows and gorilla/websocket
// does not: https and socks5h.
type websocketRoute struct {
	upstream *Upstream
	dialer   *websocket.Dialer
	way      atomic.Pointer[way]
	// tlsProxies maps the host:port of proxies that need TLS to their host names.
	tlsProxies sync.Map
	// proxied is the request, when it goes through a proxy.
	proxied atomic.Pointer[http.Request]
	// connects says that the proxy is asked to CONNECT.
	connects atomic.Bool
}

// prepare makes the handshake r ready and returns the proxy. gorilla/websocket calls
// it once for each dial, before any byte is sent and before TLS begins. Only here is
// the address known to which the request really goes.
func (r *websocketRoute) prepare(q *http.Request) (*url.URL, error) {
	common, _ := r.upstream.inUse.now()
	if common == nil {
		return nil, fmt.Errorf("open websocket: %w", ErrUnproven)
	} else if !sameOrigin(q.URL, common) {
		return nil, fmt.Errorf("open websocket: %s is not the account's server", redact.URL(q.URL))
	}
	w, err := r.upstream.way(q.Context())
	if err != nil {
		return nil, fmt.Errorf("open websocket: %w", err)
	}
	r.way.Store(w)
	w.removeHeaders(q.Header) // of Header, which may have been for another address
	w.addHeaders(q.Header, common)
	config := w.tlsFor(common)
	// Upgrades exist in HTTP/1.1 only. A gateway that negotiates h2 by ALPN would
	// answer with a protocol error.
	config.NextProtos = []string{"http/1.1"}
	r.dialer.TLSClientConfig = config
	return r.proxy(w, q)
}

func (r *websocketRoute) proxy(w *way, q *http.Request) (*url.URL, error) {
	if w.proxy == nil {
		return nil, nil
	}
	p, err := w.proxy(q)
	if err != nil || p == nil {
		return nil, err
	}
	r.proxied.Store(q)
	r.connects.Store(!strings.HasPrefix(p.Scheme, "socks"))
	own := *p
	switch p.Scheme {
	case "socks5h": // gorilla's socks5 lets the proxy resolve the name already
		own.Scheme = "socks5"
	case "https":
		own.Scheme, own.Host = "http", net.JoinHostPort(p.Hostname(), port(p))
		r.tlsProxies.Store(own.Host, p.Hostname())
	}
	if own.Scheme == "socks5" && own.Port() == "" {
		own.Host = net.JoinHostPort(p.Hostname(), "1080")
	}
	return &own, nil
}

func (r *websocketRoute) dial(ctx context.Context, kind, addr string) (made net.Conn, err error) {
	conn, err := r.upstream.network.DialContext(ctx, kind, addr)
	w := r.way.Load()
	if err != nil {
		if q := r.proxied.Load(); q != nil {
			err = w.atProxy(q, err)
		}
		return nil, err
	}
	if r.connects.Load() {
		refused := func(status string) error { return w.atProxy(r.proxied.Load(), proxyStatus(status)) }
		defer func() {
			if made != nil {
				made = &tunnelConn{Conn: made, refused: refused}
			}
		}()
	}
	name, secure := r.tlsProxies.Load(addr)
	if !secure {
		return conn, nil
	}
	config := w.tls.Clone()
	config.ServerName = name.(string)
	outer := tls.Client(conn, config)
	if err := outer.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open websocket: speak to the proxy: %w", err)
	}
	return outer, nil
}
