// Package upstream makes all connections to an Audiobookshelf server from one
// policy: address, trust, gateway headers and proxy. It holds the connections that
// players' requests share, private connections for renewals, and the websocket
// dialer.
//
// It exists so that REST, streams and sockets cannot differ: a certificate
// authority or a gateway's header that works for one works for all. The headers go
// only to addresses of the server that the policy names.
//
// Begin with Policy and New. Then Transport serves requests of players, Private one
// renewal, and WebsocketDialer one live socket. An Upstream is safe for concurrent
// use; a Private belongs to one goroutine. An error of New wraps ErrPolicy, and
// trying again does not help. An error of a request that was surely not written has
// a method Unwritten that returns true.
//
// The package never follows a redirect, never keeps cookies and sets no overall
// timeout on a stream. It unpacks only what a request asked to be packed.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/redact"
)

// ErrPolicy is wrapped by every error of New: the configuration is wrong, and
// another attempt does not help.
var ErrPolicy = errors.New("the server's settings are not usable")

// ErrClosed is the error of requests after Close.
var ErrClosed = errors.New("the connection to the server was closed by us")

const (
	// dialDeadline bounds one TCP connect. A lost SYN is sent again after 1 and
	// 3 s, so ten seconds survive two losses. A longer wait rarely succeeds.
	dialDeadline = 10 * time.Second
	// handshakeDeadline bounds the TLS handshake: two round trips and the signature
	// of a slow home server, with losses as above.
	handshakeDeadline = 10 * time.Second
	// websocketDeadline bounds dial, TLS and upgrade together.
	websocketDeadline = 20 * time.Second
	// maxHeader bounds an answer's headers; Node itself sends at most 16 KiB.
	maxHeader = 256 << 10
)

// Policy says how to reach one server. It is not changed after New.
type Policy struct {
	// Base is the server's address with its sub-folder, http or https.
	Base *url.URL
	// Addresses are all addresses of the server, the preferred one first and Base
	// among them. It is empty for Base alone. Requests name Base and go to the
	// address that Use chose.
	Addresses []*url.URL
	// TrustHTTP allows plain http among several Addresses.
	TrustHTTP bool
	// CAFile names a PEM file of certificates that are trusted in addition to
	// the system's. Empty for none.
	CAFile string
	// Headers are added to every request to Base's origin, for a gateway. They
	// replace headers of the request of the same name; cookies are joined.
	Headers map[string]redact.Secret
	// HeadersFor names the addresses that Headers are for, as in Gateway.
	HeadersFor []string
	// Gateway is what a gateway in front wants. Sealed, where given, returns it instead:
	// it is called when the first request needs it, and at each Reload.
	Gateway Gateway
	Sealed  func(context.Context) (Gateway, error)
	// UserAgent is sent with requests that have none. A User-Agent among Headers
	// replaces every other. Empty for DefaultUserAgent.
	UserAgent string
	// ProxyURL is an http, https, socks5 or socks5h address, "direct" for no proxy,
	// or empty for the environment's proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).
	ProxyURL string
	// Dial replaces the network in tests. The environment's proxy is ignored then.
	// Nil for the real network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// DefaultUserAgent is honest and short. Some firewalls refuse Go's default.
const DefaultUserAgent = "shelfkeeper"

// Upstream holds the connections to one server. It is safe for concurrent use.
// Close it when done.
type Upstream struct {
	policy    Policy
	base      *url.URL
	addresses []*url.URL // base among them
	inUse     *addressInUse
	network   *network
	dial      dialFunc

	ready     atomic.Pointer[way] // nil until the gateway's secrets are read
	unsealing chan struct{}       // held while they are
	readying  readying

	examination examination
}

// New checks the policy and returns its Upstream. It reads the CA file and opens no
// connection. Its errors wrap ErrPolicy and name the setting to change.
func New(p Policy) (*Upstream, error) {
	base, err := checkBase(p.Base)
	if err != nil {
		return nil, err
	}
	addresses, err := checkAddresses(base, p.Addresses, p.TrustHTTP)
	if err != nil {
		return nil, err
	}
	u := &Upstream{policy: p, base: base, addresses: addresses, inUse: newAddressInUse(nil), dial: p.Dial, unsealing: make(chan struct{}, 1)}
	if len(addresses) == 1 {
		u.inUse = newAddressInUse(base)
	}
	if u.dial == nil {
		u.dial = newRacer(newDialer().DialContext, net.DefaultResolver.LookupNetIP).DialContext
	}
	u.network = newNetwork(u.dial)
	u.readying.changed = make(chan struct{}, 1)
	u.examination.asked = map[*tracked]*questioning{}
	u.examination.ended, u.examination.end = context.WithCancel(context.Background())
	u.readying.ended, u.readying.end = context.WithCancel(context.Background())
	w, err := u.newWay(p.Gateway)
	if err != nil {
		return nil, err
	}
	if p.Sealed == nil {
		u.ready.Store(w)
	}
	return u, nil
}

func (u *Upstream) newTransport(w *way, to *url.URL, dial dialFunc) *http.Transport {
	return &http.Transport{
		Proxy:                  w.proxy,
		OnProxyConnectResponse: refusedTunnel,
		DialContext:            dial,
		TLSClientConfig:        w.tlsFor(to),
		TLSHandshakeTimeout:    handshakeDeadline,
		DisableCompression:     true, // the caller asks for it; see packed
		IdleConnTimeout:        plainLife,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// Base returns a copy of the server's address, without trailing slash.
func (u *Upstream) Base() *url.URL { own := *u.base; return &own }

// URL returns the URL of a path of the server, sub-folder included, at the address
// in use. It is for the WebsocketDialer. The path may be escaped and stays
// unchanged, except for "." and "..".
func (u *Upstream) URL(path string) *url.URL {
	if common, _ := u.inUse.now(); common != nil {
		return common.JoinPath(path)
	}
	return u.base.JoinPath(path)
}

// Transport returns the shared pool. Requests to the policy's own origin carry the
// policy's headers, others do not. A request may be sent again on a new connection
// only when nothing of it was written, or when its method is safe.
func (u *Upstream) Transport() http.RoundTripper { return &sharedTransport{u} }

// CloseIdle closes the pool's idle connections; running requests go on.
func (u *Upstream) CloseIdle() {
	if w := u.ready.Load(); w != nil {
		w.closeIdle()
	}
	u.readying.signal()
}

// CloseFrom cuts the connections of the pool and of the websockets with one of these
// local addresses, and returns their number. It is for addresses that the machine
// has lost: packets leave from another address, and no answer can arrive. Requests
// on such a connection then fail at once and can be repeated.
func (u *Upstream) CloseFrom(local []netip.Addr) int { return u.network.closeFrom(local) }

// Close cuts every connection of the pool and of the websockets, and waits for
// running dials. The owners of Private connections close them. Later requests fail
// with ErrClosed. Close may be called more than once.
func (u *Upstream) Close() {
	u.readying.close()
	u.examination.close()
	u.network.Close()
	u.CloseIdle()
	if w := u.ready.Load(); w != nil {
		w.closeLines()
	}
}

func checkBase(base *url.URL) (*url.URL, error) {
	switch {
	case base == nil || base.Host == "" || base.Hostname() == "":
		return nil, fmt.Errorf("%w: the address names no host", ErrPolicy)
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("%w: the address must start with http:// or https://", ErrPolicy)
	case base.User != nil:
		return nil, fmt.Errorf("%w: the address must hold no user name or password", ErrPolicy)
	case base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("%w: the address must hold no ? or #", ErrPolicy)
	}
	return &url.URL{
		Scheme: base.Scheme, Host: hostname.Canonical(base.Host),
		Path: strings.TrimRight(base.Path, "/"), RawPath: strings.TrimRight(base.RawPath, "/"),
	}, nil
}

// sameOrigin reports whether target has the origin of the policy's address.
func (u *Upstream) sameOrigin(target *url.URL) bool { return sameOrigin(target, u.base) }

func sameOrigin(a, b *url.URL) bool {
	if a != nil && b != nil && a.Scheme == b.Scheme && a.Host == b.Host {
		return true
	}
	return a != nil && b != nil && a.Scheme == b.Scheme &&
		hostname.Canonical(a.Hostname()) == hostname.Canonical(b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" || u.Scheme == "wss" {
		return "443"
	}
	return "80"
}
