package netmon

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// State is how the machine is connected at one moment.
type State struct {
	Links []Link // those over which something can be reached, by name
	Way4  Way    // where packets to the IPv4 internet leave
	Way6  Way
}

// Link is an interface that is up and has an address of more than its own
// link. Others say nothing: containers bring such interfaces by the dozen.
type Link struct {
	Name  string
	Addrs []netip.Prefix // in order
}

// Way is a default way. The zero Way is none.
type Way struct {
	Source  netip.Addr // the address that packets bear
	Gateway netip.Addr // where the system tells
	Link    string     // likewise
}

func (w Way) String() string {
	switch {
	case !w.Source.IsValid():
		return "none"
	case w.Link == "":
		return w.Source.String()
	}
	return fmt.Sprintf("%s (%s)", w.Link, w.Source)
}

func (s State) online() bool { return s.Way4.Source.IsValid() || s.Way6.Source.IsValid() }

// has reports whether addr is one of the machine's.
func (s State) has(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Links, func(l Link) bool {
		return slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
	})
}

// Addresses by which the system is asked for its way out. They are reserved
// for documentation (RFC 5737, RFC 3849), and nothing is sent to them.
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
			continue // it has just gone
		}
		l := Link{Name: i.Name}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
				l.Addrs = append(l.Addrs, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
			}
		}
		if len(l.Addrs) > 0 {
			slices.SortFunc(l.Addrs, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
			s.Links = append(s.Links, l)
		}
	}
	slices.SortFunc(s.Links, func(a, b Link) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	s.Way4, s.Way6 = way("udp4", anywhere4), way("udp6", anywhere6)
	return s, nil
}

// way asks the system which way it would take. It knows every rule that there
// is, a VPN's own routing table and an IPv6 address that is still being
// checked for duplicates included. Connecting a datagram socket sends nothing.
func way(network, to string) Way {
	conn, err := (&net.Dialer{Timeout: time.Second}).Dial(network, to)
	if err != nil {
		return Way{}
	}
	defer conn.Close()
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return Way{}
	}
	source, _ := netip.AddrFromSlice(local.IP)
	if !source.Unmap().IsGlobalUnicast() {
		return Way{} // a link's own address leads nowhere, and is all there is while another is checked
	}
	w := Way{Source: source.Unmap()}
	w.Gateway, w.Link = gateway(network == "udp6")
	return w
}
