package upstream

import (
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"

	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/redact"
)

// Gateway is what a gateway in front of a server asks of its clients, and how its
// certificate is checked. It holds secrets. The zero value means no gateway.
//
// Each secret goes only to the addresses in its For. For http://host allows
// https://host too. Without For it goes to https addresses of the server and to this
// machine: over plain http to another machine only where For says so.
type Gateway struct {
	Headers    []GatewayHeader
	Basic      *Basic
	ClientCert *ClientCert
	// CA holds certificates in PEM that are trusted in addition to the system's.
	CA string
	// Pin, where given, replaces every other check of the certificate at its addresses.
	Pin *Pin
	// Proxy is as Policy.ProxyURL, which it replaces where it is not empty.
	Proxy redact.Secret
	// UserAgent is sent with every request, those of players included. Empty leaves
	// each program its own.
	UserAgent string
}

// GatewayHeader is a header that every request to its addresses carries.
type GatewayHeader struct {
	Name  string
	Value redact.Secret
	For   []string
}

// Basic is a user name and password of a gateway.
type Basic struct {
	User     string
	Password redact.Secret
	// Header is the header's name. In Authorization there is no room for the server's
	// token beside it: the token then travels as ?token= in the address, and stands in
	// the gateway's log.
	Header string
	For    []string
}

// ClientCert is a certificate of ours, with its chain and its key in PEM.
type ClientCert struct {
	Chain string
	Key   redact.Secret
	For   []string
}

// Pin is the fingerprint of the one certificate that the user has confirmed.
type Pin struct {
	SHA256 string // of the whole certificate, 64 hex digits in lower case
	For    []string
}

// takesAuthorization reports whether the server's token has to travel in the address.
func (b *Basic) takesAuthorization() bool {
	return http.CanonicalHeaderKey(b.Header) == "Authorization"
}

func (b *Basic) value() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(b.User+":"+b.Password.Reveal()))
}

// IsZero reports whether there is no gateway to speak of.
func (g Gateway) IsZero() bool {
	return len(g.Headers) == 0 && g.Basic == nil && g.ClientCert == nil && g.CA == "" && g.Pin == nil && g.Proxy.IsEmpty() &&
		g.UserAgent == ""
}

// WithoutSecrets is the gateway for an address that is not known to be the server's:
// how its certificate is judged and which proxy leads there, but nothing of ours.
func (g Gateway) WithoutSecrets() Gateway {
	return Gateway{CA: g.CA, Pin: g.Pin, Proxy: g.Proxy, UserAgent: g.UserAgent}
}

// allowedAt reports whether a secret that belongs to the addresses named may go to an
// address. Without names it may go to every encrypted address of the server, and to
// this machine. An address of plain http vouches for the same host over https too.
func allowedAt(names []string, to *url.URL) bool {
	if len(names) == 0 {
		return to.Scheme == "https" || isLoopback(to.Hostname())
	}
	return slices.ContainsFunc(names, func(name string) bool {
		u, err := url.Parse(name)
		return err == nil && (sameOrigin(u, to) || u.Scheme == "http" && to.Scheme == "https" &&
			hostname.Canonical(u.Hostname()) == hostname.Canonical(to.Hostname()))
	})
}

// MaySend reports whether headers of Policy go to an address; see Policy.HeadersFor.
func MaySend(headersFor []string, to *url.URL) bool { return allowedAt(headersFor, to) }

// Origin returns the scheme, host and port of an address, which is the form of every
// entry of For. It drops path, user and query.
func Origin(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: hostname.Canonical(u.Host)}).String()
}

// certificate returns the certificate for TLS. It was checked before.
func (c *ClientCert) certificate() (tls.Certificate, error) {
	return tls.X509KeyPair([]byte(c.Chain), []byte(c.Key.Reveal()))
}
