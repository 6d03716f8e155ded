// Package upstream turns one policy (address, trust, gateway headers, proxy)
// into everything that reaches an Audiobookshelf server: the transport that
// players' requests share, private connections for rotations, and the
// websocket dialer.
//
// It exists so that REST, streams and sockets cannot differ: a custom CA or a
// gateway's header that works for one works for all. The headers go to the
// policy's own origin and nowhere else.
//
// It never follows a redirect, never keeps cookies, never decompresses and
// sets no overall timeout on a stream.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"shelfkeeper/daemon/redact"
)

// ErrPolicy is wrapped by every error of New: the configuration is at fault,
// and trying again helps nothing.
var ErrPolicy = errors.New("the server's settings are not usable")

// ErrClosed is the error of requests after Close.
var ErrClosed = errors.New("the connection to the server was closed by us")

const (
	// dialDeadline bounds one TCP connection. A lost SYN is sent again after 1
	// and 3 s, so ten seconds ride out two losses; who waits longer waits for nothing.
	dialDeadline = 10 * time.Second
	// handshakeDeadline bounds TLS: two round trips, and a slow home server's
	// signature, with the losses as above.
	handshakeDeadline = 10 * time.Second
	// websocketDeadline bounds dial, TLS and upgrade together.
	websocketDeadline = 20 * time.Second
	// idleDeadline closes idle connections before the server does: ABS
	// announces `Keep-Alive: timeout=5` and closes after about 6 s (measured on
	// 2.36.0), and a request that meets that close is lost or sent twice.
	idleDeadline = 4 * time.Second
	// maxHeader bounds an answer's headers; Node itself sends at most 16 KiB.
	maxHeader = 256 << 10
	// idlePerHost is enough for a web UI's covers over HTTP/1.1, where a
	// browser opens six connections at a time.
	idlePerHost = 8
	// pingAfter and pingDeadline find a dead HTTP/2 connection, on which all
	// streams would stall together until TCP gives up.
	pingAfter, pingDeadline = 15 * time.Second, 10 * time.Second
)

// Policy says how one server is reached. It is not changed after New.
type Policy struct {
	// Base is the server's address with its sub-folder, http or https.
	Base *url.URL
	// Addresses are all of the same server, the preferred one first and Base
	// among them; empty for Base alone. Requests are made with Base, and go to
	// the one that Use names.
	Addresses []*url.URL
	// TrustHTTP allows plain http among several Addresses.
	TrustHTTP bool
	// CAFile names a PEM file of certificates that are trusted in addition to
	// the system's. Empty for none.
	CAFile string
	// Headers are added to every request to Base's origin and replace the
	// request's own, but for cookies, which join them; what a gateway wants to
	// see.
	Headers map[string]redact.Secret
	// UserAgent is sent by requests that bring none of their own; a
	// User-Agent among Headers replaces theirs too. Empty for DefaultUserAgent.
	UserAgent string
	// ProxyURL is an http, https, socks5 or socks5h address, "direct" for no
	// proxy, or empty for what the environment says (HTTPS_PROXY, NO_PROXY).
	ProxyURL string
	// Dial stands in for the network in tests; the environment's proxy is not
	// consulted then. Nil for the real one.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// DefaultUserAgent is honest and short; some firewalls refuse Go's own.
const DefaultUserAgent = "shelfkeeper"

// Upstream is one server as its policy reaches it. It is safe for concurrent
// use. Close it when done.
type Upstream struct {
	base      *url.URL
	addresses []*url.URL // base among them
	way       *way
	header    http.Header
	userAgent string // of requests that bring none
	tls       *tls.Config
	proxy     func(*http.Request) (*url.URL, error)
	network   *network
	transport *http.Transport
	dial      dialFunc
}

// New checks the policy and returns its Upstream. It reads the CA file and
// opens no connection; its errors wrap ErrPolicy and name what to change.
func New(p Policy) (*Upstream, error) {
	base, err := checkBase(p.Base)
	if err != nil {
		return nil, err
	}
	addresses, err := checkAddresses(base, p.Addresses, p.TrustHTTP)
	if err != nil {
		return nil, err
	}
	header, err := policyHeader(p.Headers)
	if err != nil {
		return nil, err
	}
	userAgent, err := policyUserAgent(p.UserAgent)
	if err != nil {
		return nil, err
	}
	config, err := trust(p.CAFile)
	if err != nil {
		return nil, err
	}
	proxy, err := proxyOf(p.ProxyURL, p.Dial != nil)
	if err != nil {
		return nil, err
	}
	u := &Upstream{
		base: base, addresses: addresses, way: newWay(nil), header: header, userAgent: userAgent,
		tls: config, proxy: proxy, dial: p.Dial,
	}
	if len(addresses) == 1 {
		u.way = newWay(base)
	}
	if u.dial == nil {
		u.dial = newDialer().DialContext
	}
	u.network = newNetwork(u.dial)
	u.transport = u.newTransport(u.network.DialContext)
	u.transport.ForceAttemptHTTP2 = true
	u.transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingDeadline}
	return u, nil
}

func (u *Upstream) newTransport(dial dialFunc) *http.Transport {
	return &http.Transport{
		Proxy:                  u.proxy,
		DialContext:            dial,
		TLSClientConfig:        u.tls.Clone(),
		TLSHandshakeTimeout:    handshakeDeadline,
		DisableCompression:     true, // bytes pass as they are; ABS compresses nothing
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleDeadline,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// Base returns a copy of the server's address, without trailing slash.
func (u *Upstream) Base() *url.URL { own := *u.base; return &own }

// URL returns the address of a path of the server, its sub-folder included, at
// the address in use: it is for the WebsocketDialer. The path may be escaped;
// it is kept as it is, "." and ".." excepted.
func (u *Upstream) URL(path string) *url.URL {
	if common, _ := u.way.now(); common != nil {
		return common.JoinPath(path)
	}
	return u.base.JoinPath(path)
}

// Transport returns the shared pool. Its requests carry the policy's headers
// if they go to the policy's own origin; to any other address they go without.
// It may send a request again on a fresh connection only if nothing of it was
// written, or if its method is safe.
func (u *Upstream) Transport() http.RoundTripper { return &carrier{u, u.transport} }

// CloseIdle closes the pool's idle connections; running requests go on.
func (u *Upstream) CloseIdle() { u.transport.CloseIdleConnections() }

// Forsake cuts the connections of the pool and of the websockets that have
// one of these local addresses, and returns how many they were. The machine
// has lost the addresses: nothing can come back to them while packets leave
// from another one, and whoever waits on such a connection may go on at once.
func (u *Upstream) Forsake(local []netip.Addr) int { return u.network.forsake(local) }

// Close cuts every connection of the pool and of the websockets, and waits for
// dials under way. Private connections are their owners' to close. Later
// requests fail with ErrClosed. It may be called more than once.
func (u *Upstream) Close() {
	u.network.Close()
	u.transport.CloseIdleConnections()
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
		Scheme: base.Scheme, Host: strings.ToLower(base.Host),
		Path: strings.TrimRight(base.Path, "/"), RawPath: strings.TrimRight(base.RawPath, "/"),
	}, nil
}

// sameOrigin reports whether target has the origin of the policy's address.
func (u *Upstream) sameOrigin(target *url.URL) bool { return sameOrigin(target, u.base) }

func sameOrigin(a, b *url.URL) bool {
	return a != nil && b != nil && a.Scheme == b.Scheme &&
		strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
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
