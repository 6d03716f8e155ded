package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/redact"
)

// ErrSealed is wrapped by the error of a request whose gateway's secrets cannot be
// read now. Nothing of the request was written: errors.As finds an Unwritten method
// that returns true.
var ErrSealed = errors.New("the gateway's secrets cannot be read")

type sealedError struct{ err error }

func (e sealedError) Error() string    { return fmt.Sprintf("%v: %v", ErrSealed, e.err) }
func (e sealedError) Evidence() string { return redact.Text(e.Error()) }
func (e sealedError) Unwrap() []error  { return []error{ErrSealed, e.err} }
func (sealedError) Unwritten() bool    { return true }

// unsealTimeout is how long a request waits for the gateway's secrets. A keychain that
// works answers in some milliseconds; one that starts takes seconds.
const unsealTimeout = 10 * time.Second

// maxResumed bounds the names whose TLS sessions are kept: those of the addresses.
const maxResumed = 16

// way is how requests leave with the settings of one moment. It does not change.
type way struct {
	gateway Gateway
	// fixed are the policy's own headers, by canonical name.
	fixed     http.Header
	fixedFor  []string
	userAgent string // of requests that bring none
	tls       *tls.Config
	client    *tls.Certificate
	proxy     proxyFunc
	// environmentProxy is set when proxy is the environment's, ownProxy when it is the gateway's.
	environmentProxy, ownProxy bool
	pools                      map[string]*pool   // by origin
	poolsAt                    map[*url.URL]*pool // the same, for what names them mostly
	foreign                    *pool
	// resumed holds TLS sessions of the server's addresses: a handshake then costs no
	// certificates, and no signature.
	resumed tls.ClientSessionCache
}

// newWay checks the policy with the gateway g. Its errors wrap ErrPolicy.
func (u *Upstream) newWay(g Gateway) (*way, error) {
	p := u.policy
	header, err := policyHeader(p.Headers)
	if err != nil {
		return nil, err
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	userAgent, err := policyUserAgent(p.UserAgent)
	if err != nil {
		return nil, err
	}
	config, err := trust(p.CAFile, g.CA)
	if err != nil {
		return nil, err
	}
	proxyURL := p.ProxyURL
	if !g.Proxy.IsEmpty() {
		proxyURL = g.Proxy.Reveal()
	}
	proxy, err := proxyOf(proxyURL, p.Dial != nil)
	if err != nil {
		return nil, err
	}
	if g.Pin != nil && strings.HasPrefix(proxyURL, "https://") {
		return nil, fmt.Errorf("%w: a pinned certificate does not work through a proxy at https://: give the proxy's http:// address", ErrPolicy)
	}
	w := &way{gateway: g, fixed: header, fixedFor: p.HeadersFor, userAgent: userAgent, tls: config, proxy: proxy,
		environmentProxy: proxyURL == "" && proxy != nil, ownProxy: !g.Proxy.IsEmpty(), pools: map[string]*pool{}, poolsAt: map[*url.URL]*pool{},
		resumed: tls.NewLRUClientSessionCache(maxResumed)}
	if g.ClientCert != nil {
		c, err := g.ClientCert.certificate()
		if err != nil {
			return nil, fmt.Errorf("%w: the client certificate and its key: %w", ErrPolicy, err)
		}
		w.client = &c
	}
	for _, a := range u.addresses {
		p := u.newPool(w, a)
		w.pools[Origin(a)], w.poolsAt[a] = p, p
	}
	w.foreign = u.newPool(w, nil)
	return w, nil
}

// poolOf returns the connections to an address; nil is one that is not the server's.
func (w *way) poolOf(to *url.URL) *pool {
	if to == nil {
		return w.foreign
	}
	if p := w.poolsAt[to]; p != nil {
		return p
	}
	return w.pools[Origin(to)]
}

func (w *way) closeIdle() {
	for _, p := range w.pools {
		p.closeIdle()
	}
	w.foreign.closeIdle()
}

// closeLines ends all lines, and waits for those that are being opened.
func (w *way) closeLines() {
	for _, p := range w.pools {
		p.lines.close()
	}
}

// direct reports whether no proxy stands before an address.
func (w *way) direct(to *url.URL) bool {
	if w.proxy == nil {
		return true
	}
	p, err := w.proxy(&http.Request{URL: to, Host: to.Host, Header: http.Header{}})
	return err == nil && p == nil
}

// tlsFor returns the TLS settings for an address of the server; nil is another one,
// which gets the policy's trust and nothing of ours.
func (w *way) tlsFor(to *url.URL) *tls.Config {
	config := w.tls.Clone()
	if to == nil {
		return config
	}
	config.ClientSessionCache = w.resumed
	if c := w.gateway.ClientCert; c != nil && allowedAt(c.For, to) {
		// The user said to show it, so the list of authorities that the gateway sends is
		// not looked at: a list that is too short would only hide the reason.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return w.client, nil }
	}
	if p := w.gateway.Pin; p != nil && allowedAt(p.For, to) {
		config.InsecureSkipVerify = true // the pin alone decides, in VerifyConnection
		config.VerifyConnection = func(s tls.ConnectionState) error { return p.verify(s.PeerCertificates) }
	}
	return config
}

// PinError is the error of a certificate that is not the pinned one.
type PinError struct{ Want, Got string }

// Error returns the evidence.
func (e *PinError) Error() string {
	return fmt.Sprintf("the certificate is not the pinned one: its SHA-256 is %s, and %s was confirmed", e.Got, e.Want)
}

// Evidence is the error for a person. absapi shows it.
func (e *PinError) Evidence() string { return e.Error() }

// Pinned tells it from errors that end by themselves.
func (e *PinError) Pinned() {}

// Remedy says how another certificate is confirmed.
func (e *PinError) Remedy() string {
	return "if the server has a new certificate and shows the same fingerprint, confirm it: `shelfkeeper account set NAME --pin " + e.Got +
		"`; if not, somebody else answers there"
}

func (p *Pin) verify(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return &PinError{Want: p.SHA256, Got: "none"}
	}
	if got := Fingerprint(chain[0]); got != p.SHA256 {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: &PinError{Want: p.SHA256, Got: got}}
	}
	return nil
}

// Fingerprint is the SHA-256 of a certificate, as in Pin.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// addHeaders adds to the header of a request what it carries to an address, and
// reports whether the server's token has to travel in the address.
func (w *way) addHeaders(h http.Header, to *url.URL) (tokenInURL bool) {
	if agent := w.gateway.UserAgent; agent != "" {
		h.Set("User-Agent", agent)
	} else if _, own := h["User-Agent"]; !own {
		// A present but empty User-Agent means that the caller wants none.
		h.Set("User-Agent", w.userAgent)
	}
	if len(w.fixed) > 0 && allowedAt(w.fixedFor, to) {
		for name, values := range w.fixed {
			addHeader(h, name, values)
		}
	} else if agent := w.fixed["User-Agent"]; agent != nil { // no secret
		addHeader(h, "User-Agent", agent)
	}
	for _, g := range w.gateway.Headers {
		if allowedAt(g.For, to) {
			addHeader(h, http.CanonicalHeaderKey(g.Name), []string{g.Value.Reveal()})
		}
	}
	if b := w.gateway.Basic; b != nil && allowedAt(b.For, to) {
		h.Set(b.Header, b.value())
		return b.takesAuthorization()
	}
	return false
}

// tokenInURL reports whether the server's token may have to travel in the address.
func (w *way) tokenInURL() bool {
	return w.gateway.Basic != nil && w.gateway.Basic.takesAuthorization()
}

// removeHeaders takes the headers away that belong to addresses.
func (w *way) removeHeaders(h http.Header) {
	for name := range w.fixed {
		h.Del(name)
	}
	for _, g := range w.gateway.Headers {
		h.Del(g.Name)
	}
	if b := w.gateway.Basic; b != nil {
		h.Del(b.Header)
	}
}

func addHeader(h http.Header, name string, values []string) {
	own := h[name]
	h[name] = slices.Clone(values)
	if name == "Cookie" && len(own) > 0 {
		// Both are needed: the gateway's cookies and those of an OpenID sign-in.
		h.Set(name, strings.Join(append(slices.Clone(own), values...), "; "))
	}
}

// way returns how requests leave now, and reads the gateway's secrets the first time.
func (u *Upstream) way(ctx context.Context) (*way, error) {
	if w := u.ready.Load(); w != nil {
		return w, nil
	}
	ctx, cancel := context.WithTimeout(ctx, unsealTimeout)
	defer cancel()
	if err := u.unseal(ctx, true); err != nil {
		return nil, err
	}
	return u.ready.Load(), nil
}

// Reload reads the gateway's settings again, for requests that begin later. On an
// error the settings are as they were.
func (u *Upstream) Reload(ctx context.Context) error { return u.unseal(ctx, false) }

func (u *Upstream) unseal(ctx context.Context, once bool) error {
	select {
	case u.unsealing <- struct{}{}:
		defer func() { <-u.unsealing }()
	case <-ctx.Done():
		return sealedError{context.Cause(ctx)}
	}
	if once && u.ready.Load() != nil {
		return nil
	}
	g := u.policy.Gateway
	if u.policy.Sealed != nil {
		var err error
		if g, err = u.policy.Sealed(ctx); err != nil {
			return sealedError{err}
		}
	}
	w, err := u.newWay(g)
	if err != nil {
		return sealedError{err}
	}
	if old := u.ready.Swap(w); old != nil {
		old.closeIdle()
	}
	return nil
}
