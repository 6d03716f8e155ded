package upstream

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Resolver looks up names. *net.Resolver implements it.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// carrierNAT is 100.64.0.0/10 (RFC 6598); Tailscale hands out its addresses.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// localSuffixes are suffixes that public DNS does not serve: mDNS (RFC 6762), home
// networks (RFC 8375), private use (ICANN, 2024), and .lan, which home routers use
// although it is not reserved.
var localSuffixes = []string{".local", ".lan", ".home.arpa", ".internal", ".localhost"}

// PlainHTTPAllowed reports whether a password may travel to u without TLS, with the
// reason in one line. https is always allowed. http is allowed to this machine and
// to private addresses: all addresses of the name must be private. A name that only
// a local network can know may also fail to resolve.
//
// The answer holds for the network of this moment: when the name resolves to a
// public address later, plain http is refused.
func PlainHTTPAllowed(ctx context.Context, resolver Resolver, u *url.URL) (ok bool, why string) {
	if u == nil || u.Hostname() == "" {
		return false, "the address names no host"
	}
	switch u.Scheme {
	case "https":
		return true, "the connection is encrypted"
	case "http":
	default:
		return false, fmt.Sprintf("%q is neither http nor https", u.Scheme)
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		if kind := privacy(addr); kind != "" {
			return true, fmt.Sprintf("%s is %s", host, kind)
		}
		return false, fmt.Sprintf("%s is a public address, and plain http would show the password to everyone on the way", host)
	}
	if host == "localhost" {
		return true, "localhost is this machine"
	}
	return resolvedPrivately(ctx, resolver, host)
}

func resolvedPrivately(ctx context.Context, resolver Resolver, host string) (bool, string) {
	ctx, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	addrs, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		if isLocalName(host) {
			return true, fmt.Sprintf("%s is a name of the local network", host)
		}
		return false, fmt.Sprintf("%s does not resolve, so it cannot be told whether it is private", host)
	}
	for _, a := range addrs {
		if privacy(a) == "" {
			return false, fmt.Sprintf("%s resolves to the public address %s, and plain http would show the password to everyone on the way", host, a)
		}
	}
	return true, fmt.Sprintf("%s resolves to %s, which is %s", host, addrs[0], privacy(addrs[0]))
}

// isLocalName reports whether host is a single label or has a suffix that public
// DNS does not serve.
func isLocalName(host string) bool {
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range localSuffixes {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// privacy returns the kind of the private address a, or "" for a public one.
func privacy(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback():
		return "this machine"
	case a.IsPrivate():
		return "a private address"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case carrierNAT.Contains(a):
		return "a shared private address, as Tailscale uses"
	}
	return ""
}
