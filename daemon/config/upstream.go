package config

import (
	"maps"
	"net/url"
	"strings"

	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/redact"
)

// Upstream is how one account's server is to be reached.
type Upstream struct {
	// CAFile is an absolute path, or relative to the directory that Load's
	// path was relative to; "" for the system's authorities. It has not been
	// opened: a file on a drive not yet mounted must not keep the program
	// from starting.
	CAFile string
	// Headers go with every request, by canonical name. The map is the
	// caller's own.
	Headers map[string]redact.Secret
	// HeadersFor are the addresses that Headers are for, in the form of Addresses. Empty
	// for every encrypted address of the server, and this machine. The slice is shared.
	HeadersFor []string
	// Proxy is the address of an http, https, socks5 or socks5h proxy, "direct"
	// for none, not even the environment's, or empty for none configured. It is
	// a secret because it may hold a password.
	Proxy redact.Secret
	// Addresses are of one server, the preferred one first, in the form of
	// http://host:port/path without a trailing slash. The slice is shared.
	Addresses []*url.URL
	// TrustHTTP says that what answers at a plain http address among them is
	// the server.
	TrustHTTP bool
}

// layer is one upstream table; nil means not given.
type layer struct {
	CAFile  *string                  `toml:"ca_file"`
	Proxy   *redact.Secret           `toml:"proxy"`
	Headers map[string]redact.Secret `toml:"headers"`
	// Addresses is not nil where it is given, if only as an empty list.
	Addresses []string `toml:"addresses"`
	TrustHTTP *bool    `toml:"trust_http"`
	// HeadersFor is not nil where it is given, if only as an empty list.
	HeadersFor []string `toml:"headers_for"`

	addresses []*url.URL
}

// set adds a header and reports whether it was not there yet.
func (l *layer) set(name string, value redact.Secret) bool {
	if _, there := l.Headers[name]; there {
		return false
	}
	if l.Headers == nil {
		l.Headers = map[string]redact.Secret{}
	}
	l.Headers[name] = value
	return true
}

// Upstream returns what holds for an account: [upstream], and over it, key by
// key and header by header, [accounts.NAME.upstream]. An empty value in the
// latter takes back what the former says.
func (c Config) Upstream(account string) Upstream {
	u := Upstream{Headers: map[string]redact.Secret{}}
	for _, l := range []layer{c.upstream, c.accounts[account].upstream} {
		if l.CAFile != nil {
			u.CAFile = *l.CAFile
		}
		if l.Proxy != nil {
			u.Proxy = *l.Proxy
		}
		if l.Addresses != nil {
			u.Addresses = l.addresses
		}
		if l.HeadersFor != nil {
			u.HeadersFor = l.HeadersFor
		}
		if l.TrustHTTP != nil {
			u.TrustHTTP = *l.TrustHTTP
		}
		maps.Copy(u.Headers, l.Headers)
	}
	maps.DeleteFunc(u.Headers, func(_ string, v redact.Secret) bool { return v.IsEmpty() })
	return u
}

// ownHeaders are set by the program or by the HTTP library for each request;
// one fixed value would break sign-in, ranges or framing. The text says so.
var ownHeaders = map[string]string{
	"Authorization":     "carries the session and cannot be set; if a gateway asks for it, let it take another header",
	"X-Refresh-Token":   "carries the session and cannot be set",
	"User-Agent":        "is set by the key user_agent",
	"Host":              "follows from the server's address and cannot be set",
	"Range":             "belongs to each player's request and cannot be set",
	"Accept-Encoding":   "belongs to each player's request and cannot be set",
	"Content-Length":    framing,
	"Transfer-Encoding": framing,
	"Connection":        framing,
	"Keep-Alive":        framing,
	"Te":                framing,
	"Trailer":           framing,
	"Upgrade":           framing,
}

const framing = "belongs to the connection and cannot be set"

// isHeaderName reports whether s is a token of RFC 9110, 5.6.2.
func isHeaderName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !isBare(string(r)) && !strings.ContainsRune("!#$%&'*+.^`|~", r)
	}) < 0
}

// isHeaderValue reports whether s can be sent as it is: a line break in it
// would begin another header.
func isHeaderValue(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) < 0
}

// proxyTrouble says what is wrong with a proxy's address without repeating
// it; "" if nothing is.
func proxyTrouble(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "direct":
		return ""
	case err != nil || u.Hostname() == "":
		return "is not an address such as http://proxy.lan:3128, nor \"direct\" for no proxy"
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return "must begin with http://, https://, socks5:// or socks5h://"
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return "must end after host and port"
	}
	return ""
}

// serverAddress reads one address of a list; why says what is wrong with it.
func serverAddress(text string) (u *url.URL, why string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, "holds what is not an address such as https://abs.example.org"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, "must hold addresses without user name, ? and #"
	}
	u.Host, u.Path, u.RawPath = hostname.Lower(u.Host), strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, ""
}
