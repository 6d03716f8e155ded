package netmon

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"shelfkeeper/daemon/order"
)

// State is the machine's network at one moment.
type State struct {
	Links  []Link // sorted by name
	Route4 Route  // for packets to the IPv4 internet
	Route6 Route
}

// Link is an interface that is up and has an address of more than link scope.
// Other interfaces are ignored: containers bring dozens of them.
type Link struct {
	Name  string
	Addrs []netip.Prefix // in order
}

// Route is a default route. The zero Route means none.
type Route struct {
	Source  netip.Addr // the source address of packets
	Gateway netip.Addr // where the system reports it
	Link    string     // likewise
}

func (w Route) String() string {
	switch {
	case !w.Source.IsValid():
		return "none"
	case w.Link == "":
		return w.Source.String()
	}
	return fmt.Sprintf("%s (%s)", w.Link, w.Source)
}

func (s State) online() bool { return s.Route4.Source.IsValid() || s.Route6.Source.IsValid() }

// has reports whether addr is one of the machine's.
func (s State) has(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Links, func(l Link) bool {
		return slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
	})
}

// Addresses for finding the default route. They are reserved for documentation
// (RFC 5737, RFC 3849), and nothing is sent to them.
const (
	anywhere4 = "192.0.2.1:9"
	anywhere6 = "[2001:db8::1]:9"
)

func readState() (State, error) {
	var s State
	interfaces, err := net.Interfaces()
	if err != nil {
		return s, fmt.Errorf("read links: %w", err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagUp == 0 || i.Flags&net.FlagRunning == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // the interface has just gone
		}
		l := Link{Name: i.Name}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
				l.Addrs = append(l.Addrs, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
			}
		}
		if len(l.Addrs) > 0 {
			order.Stable(l.Addrs, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
			s.Links = append(s.Links, l)
		}
	}
	order.Stable(s.Links, func(a, b Link) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	s.Route4, s.Route6 = defaultRoute("udp4", anywhere4), defaultRoute("udp6", anywhere6)
	return s, nil
}

// defaultRoute asks the system for the route that it would take. The answer takes
// every rule into account, also a VPN's routing table and an IPv6 address that is
// still checked for duplicates. Connecting a datagram socket sends nothing.
func defaultRoute(network, to string) Route {
	conn, err := (&net.Dialer{Timeout: time.Second}).Dial(network, to)
	if err != nil {
		return Route{}
	}
	defer conn.Close()
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return Route{}
	}
	source, _ := netip.AddrFromSlice(local.IP)
	if !source.Unmap().IsGlobalUnicast() {
		return Route{} // a link-local source means that the other address is still checked
	}
	w := Route{Source: source.Unmap()}
	w.Gateway, w.Link = gateway(network == "udp6")
	return w
}
