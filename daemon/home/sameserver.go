package home

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/proxy/route"
)

// resolveDeadline bounds the question whether two names are one machine.
const resolveDeadline = 2 * time.Second

func sameOrigin(server string, base *url.URL) bool {
	u, err := url.Parse(server)
	return err == nil && u.Scheme == base.Scheme && hostname.Canonical(u.Host) == hostname.Canonical(base.Host) &&
		strings.TrimRight(u.Path, "/") == strings.TrimRight(base.Path, "/")
}

// sameServer reports whether two addresses are, as far as can be told, one
// server: the same port of the same machine, at the same sub-folder or at the
// one that Audiobookshelf answers at as well. Names are resolved for it.
func sameServer(ctx context.Context, a, b *url.URL) bool {
	if !samePath(a.Path, b.Path) {
		return false
	}
	if a.Scheme != b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) {
		return true // it moved from http to https, and to that one's port
	}
	if !samePort(a, b) {
		return false
	}
	if strings.EqualFold(a.Hostname(), b.Hostname()) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, resolveDeadline)
	defer cancel()
	other := machineOf(ctx, b.Hostname())
	for addr := range machineOf(ctx, a.Hostname()) {
		if other[addr] {
			return true
		}
	}
	return false
}

// samePort takes the usual ports of http and https for one: a server that moved
// from one to the other is the same.
func samePort(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		switch p := u.Port(); p {
		case "", "80", "443":
			return ""
		default:
			return p
		}
	}
	return port(a) == port(b)
}

func samePath(a, b string) bool {
	root := func(path string) string {
		path = strings.TrimRight(path, "/")
		if strings.EqualFold(path, route.UsualBasePath) {
			return ""
		}
		return path
	}
	return root(a) == root(b)
}

// machineOf returns the addresses of a host. Every address of this machine
// stands as the loopback address.
func machineOf(ctx context.Context, host string) map[netip.Addr]bool {
	var addrs []netip.Addr
	if addr, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{addr}
	} else if addrs, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil
	}
	own := ownAddresses()
	out := map[netip.Addr]bool{}
	for _, addr := range addrs {
		if addr = addr.Unmap(); addr.IsLoopback() || addr.IsUnspecified() || own[addr.WithZone("")] {
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		out[addr] = true
	}
	return out
}

func ownAddresses() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return own
	}
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own[prefix.Addr().Unmap().WithZone("")] = true
		}
	}
	return own
}
