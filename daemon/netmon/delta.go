package netmon

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"shelfkeeper/daemon/order"
)

// delta returns the change between two states, and whether there is one.
func delta(before, after State) (Event, bool) {
	e := Event{Online: after.online()}
	var details []string
	add := func(reason Reason, detail string) {
		if e.Reason == "" {
			e.Reason = reason
		}
		details = append(details, detail)
	}
	if before.Route4 != after.Route4 {
		add(RouteChanged, fmt.Sprintf("IPv4 by %v, was %v", after.Route4, before.Route4))
	}
	if before.Route6 != after.Route6 {
		add(RouteChanged, fmt.Sprintf("IPv6 by %v, was %v", after.Route6, before.Route6))
	}
	for _, l := range before.Links {
		if !after.links(l.Name) {
			add(LinkDown, l.Name+" down")
		}
	}
	for _, l := range after.Links {
		if !before.links(l.Name) {
			add(LinkUp, l.Name+" up")
		}
	}
	for _, l := range before.Links {
		i := slices.IndexFunc(after.Links, func(o Link) bool { return o.Name == l.Name })
		if i >= 0 && !slices.Equal(l.Addrs, after.Links[i].Addrs) {
			add(AddressChanged, fmt.Sprintf("%s has %v, had %v", l.Name, after.Links[i].Addrs, l.Addrs))
		}
		for _, p := range l.Addrs {
			if !after.has(p.Addr()) && !slices.Contains(e.Gone, p.Addr()) {
				e.Gone = append(e.Gone, p.Addr())
			}
		}
	}
	order.Stable(e.Gone, netip.Addr.Compare)
	e.Detail = strings.Join(details, ", ")
	return e, e.Reason != ""
}

func (s State) links(name string) bool {
	return slices.ContainsFunc(s.Links, func(l Link) bool { return l.Name == name })
}
