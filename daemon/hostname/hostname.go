// Package hostname brings the host of a server's address into one form, so that
// every part of the program compares, stores and dials the same spelling. It asks no
// resolver.
package hostname

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Lower is host, with or without a port, in lower case. The zone of an IPv6 address is
// the name of an interface, which has its own case.
func Lower(host string) string {
	name, zone, ok := strings.Cut(host, "%")
	if !ok {
		return strings.ToLower(host)
	}
	return strings.ToLower(name) + "%" + zone
}

// Canonical is host, with or without a port, in the spelling in which it is compared,
// stored and dialled: as Lower, and names in other scripts in punycode, as net/http
// dials them. A name that no host can have stays as it is.
func Canonical(host string) string {
	host = Lower(host)
	if isASCII(host) {
		return host
	}
	name, port := cutPort(host)
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		name = ascii
	}
	return name + port
}

// Shown is an address with its host in the script of its users, for texts. Any other
// text is returned unchanged.
func Shown(address string) string {
	u, err := url.Parse(address)
	scheme, _, ok := strings.Cut(address, "://")
	if err != nil || !ok || u.Host == "" || u.User != nil {
		return address
	}
	name, port := cutPort(Canonical(u.Host))
	shown := ShownName(name)
	if isASCII(shown) {
		return address
	}
	after := address[len(scheme)+len("://"):]
	if i := strings.IndexAny(after, "/?#"); i >= 0 {
		return scheme + "://" + shown + port + after[i:]
	}
	return scheme + "://" + shown + port
}

// ShownName is the name of a host in the script of its users, for texts.
func ShownName(name string) string {
	if shown, err := idna.Display.ToUnicode(name); err == nil && !isASCII(shown) {
		return shown
	}
	return name
}

// cutPort splits ":port" off a name. It leaves IPv6 addresses alone.
func cutPort(host string) (name, port string) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasPrefix(host, "[") && strings.IndexByte(host, ':') == i {
		return host[:i], host[i:]
	}
	return host, ""
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f })
}
