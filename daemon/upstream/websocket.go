package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/redact"
)

// WebsocketDialer returns a dialer with the policy's trust and proxy. Pass Header()
// to it. It refuses every origin but the one in use, since others must not get that
// header. Close of the Upstream cuts its connections.
func (u *Upstream) WebsocketDialer() *websocket.Dialer {
	config := u.tls.Clone()
	// Upgrades exist in HTTP/1.1 only. A gateway that negotiates h2 by ALPN would
	// answer with a protocol error.
	config.NextProtos = []string{"http/1.1"}
	route := &websocketRoute{upstream: u}
	return &websocket.Dialer{
		NetDialContext:   route.dial,
		TLSClientConfig:  config,
		HandshakeTimeout: websocketDeadline,
		Proxy:            route.proxy,
	}
}

// websocketRoute adds two kinds of proxy that net/http knows and gorilla/websocket
// does not: https and socks5h.
type websocketRoute struct {
	upstream *Upstream
	// tlsProxies maps the host:port of proxies that need TLS to their host names.
	tlsProxies sync.Map
	// proxied is the request, when it goes through a proxy.
	proxied atomic.Pointer[http.Request]
}

// proxy chooses the proxy. It is called once for each dial, before any byte is sent.
func (w *websocketRoute) proxy(r *http.Request) (*url.URL, error) {
	if common, _ := w.upstream.inUse.now(); common == nil {
		return nil, fmt.Errorf("open websocket: %w", ErrUnproven)
	} else if !sameOrigin(r.URL, common) {
		return nil, fmt.Errorf("open websocket: %s is not the account's server", redact.URL(r.URL))
	}
	if w.upstream.proxy == nil {
		return nil, nil
	}
	p, err := w.upstream.proxy(r)
	if err != nil || p == nil {
		return nil, err
	}
	w.proxied.Store(r)
	own := *p
	switch p.Scheme {
	case "socks5h": // gorilla's socks5 lets the proxy resolve the name already
		own.Scheme = "socks5"
	case "https":
		own.Scheme, own.Host = "http", net.JoinHostPort(p.Hostname(), port(p))
		w.tlsProxies.Store(own.Host, p.Hostname())
	}
	if own.Scheme == "socks5" && own.Port() == "" {
		own.Host = net.JoinHostPort(p.Hostname(), "1080")
	}
	return &own, nil
}

func (w *websocketRoute) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	conn, err := w.upstream.network.DialContext(ctx, kind, addr)
	if err != nil {
		if r := w.proxied.Load(); r != nil {
			err = w.upstream.atProxy(r, err)
		}
		return nil, err
	}
	name, secure := w.tlsProxies.Load(addr)
	if !secure {
		return conn, nil
	}
	config := w.upstream.tls.Clone()
	config.ServerName = name.(string)
	outer := tls.Client(conn, config)
	if err := outer.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open websocket: speak to the proxy: %w", err)
	}
	return outer, nil
}
