package upstream

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// carrierNAT is 100.64.0.0/10 (RFC 6598); Tailscale hands out its addresses.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// localSuffixes name hosts that public DNS does not serve: mDNS (RFC 6762),
// home networks (RFC 8375), private use (ICANN, 2024), and what home routers
// use though nobody reserved it.
var localSuffixes = []string{".local", ".lan", ".home.arpa", ".internal", ".localhost"}

// PlainHTTPAllowed reports whether a password may travel to u without TLS, and
// says why or why not in one line. https always may. http may to this machine
// and to private addresses: every address that the name resolves to must be
// one. A name that only a local network can know may also fail to resolve.
//
// It judges the network of this moment; where plain http was allowed once, a
// public answer later refuses it again.
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

// isLocalName reports a single label or a suffix that public DNS does not serve.
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

// privacy says what kind of private address a is; "" if it is public.
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
