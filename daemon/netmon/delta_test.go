package netmon

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func link(name string, prefixes ...string) Link {
	l := Link{Name: name}
	for _, p := range prefixes {
		l.Addrs = append(l.Addrs, netip.MustParsePrefix(p))
	}
	return l
}

func by(source, gateway, link string) Route {
	w := Route{Source: netip.MustParseAddr(source), Link: link}
	if gateway != "" {
		w.Gateway = netip.MustParseAddr(gateway)
	}
	return w
}

func TestDelta(t *testing.T) {
	wlan, eth := link("wlan0", "10.1.0.2/24"), link("eth0", "10.2.0.2/24")
	overWlan, overEth := by("10.1.0.2", "10.1.0.1", "wlan0"), by("10.2.0.2", "10.2.0.1", "eth0")
	both := link("wlan0", "10.1.0.2/24", "fd00::2/64")
	for _, c := range []struct {
		desc          string
		before, after State
		reason        Reason // "" for nothing
		says          string
		gone          string
		offline       bool
	}{
		{"nothing", State{Links: []Link{wlan}, Route4: overWlan}, State{Links: []Link{wlan}, Route4: overWlan}, "", "", "", false},
		{"nothing at all", State{}, State{}, "", "", "", true},
		{"handoff", State{Links: []Link{wlan}, Route4: overWlan}, State{Links: []Link{eth}, Route4: overEth}, RouteChanged, "eth0 up", "10.1.0.2",
			false},
		{"better link", State{Links: []Link{wlan}, Route4: overWlan}, State{Links: []Link{eth, wlan}, Route4: overEth}, RouteChanged,
			"was wlan0", "",
			false},
		{"the better one goes", State{Links: []Link{eth, wlan}, Route4: overEth}, State{Links: []Link{wlan}, Route4: overWlan}, RouteChanged,
			"eth0 down", "10.2.0.2", false},
		{"the spare one goes", State{Links: []Link{eth, wlan}, Route4: overEth}, State{Links: []Link{eth}, Route4: overEth}, LinkDown,
			"wlan0 down",
			"10.1.0.2", false},
		{"a spare one comes", State{Links: []Link{eth}, Route4: overEth}, State{Links: []Link{eth, wlan}, Route4: overEth}, LinkUp, "wlan0 up",
			"",
			false},
		{"all gone", State{Links: []Link{wlan}, Route4: overWlan}, State{}, RouteChanged, "by none", "10.1.0.2", true},
		{"back", State{}, State{Links: []Link{wlan}, Route4: overWlan}, RouteChanged, "was none", "", false},
		{"address before route", State{}, State{Links: []Link{wlan}}, LinkUp, "wlan0 up", "", true},
		{"another address, no route yet", State{Links: []Link{wlan}}, State{Links: []Link{link("wlan0", "10.1.0.9/24")}}, AddressChanged,
			"10.1.0.9/24", "10.1.0.2", true},
		{"a wider net", State{Links: []Link{wlan}, Route4: overWlan}, State{Links: []Link{link("wlan0", "10.1.0.2/16")}, Route4: overWlan},
			AddressChanged, "/16", "", false},
		{"a second address", State{Links: []Link{wlan}, Route4: overWlan}, State{Links: []Link{both}, Route4: overWlan}, AddressChanged,
			"fd00::2",
			"", false},
		{"IPv6 is usable a second later", State{Links: []Link{both}, Route4: overWlan},
			State{Links: []Link{both}, Route4: overWlan, Route6: by("fd00::2", "fe80::1", "wlan0")}, RouteChanged, "IPv6 by wlan0", "", false},
		{"only IPv6", State{}, State{Links: []Link{both}, Route6: by("fd00::2", "fe80::1", "wlan0")}, RouteChanged, "IPv6", "", false},
		{"another router at the same address of ours", State{Links: []Link{wlan}, Route4: overWlan},
			State{Links: []Link{wlan}, Route4: by("10.1.0.2", "10.1.0.254", "wlan0")}, RouteChanged, "IPv4", "", false},
		{"an address moves to another link", State{Links: []Link{wlan}, Route4: overWlan},
			State{Links: []Link{link("br0", "10.1.0.2/24")}, Route4: by("10.1.0.2", "10.1.0.1", "br0")}, RouteChanged, "br0 up", "", false},
		{"VPN with all traffic", State{Links: []Link{wlan}, Route4: overWlan},
			State{Links: []Link{wlan, link("wg0", "10.9.0.2/32")}, Route4: by("10.9.0.2", "", "")}, RouteChanged, "10.9.0.2", "", false},
		{"VPN with some", State{Links: []Link{wlan}, Route4: overWlan}, State{Links: []Link{wlan, link("wg0", "10.9.0.2/32")}, Route4: overWlan},
			LinkUp, "wg0 up", "", false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			e, changed := delta(c.before, c.after)
			if changed != (c.reason != "") || e.Reason != c.reason || !strings.Contains(e.Detail, c.says) || e.Online == c.offline {
				t.Errorf("%+v", e)
			}
			var want []netip.Addr
			if c.gone != "" {
				want = append(want, netip.MustParseAddr(c.gone))
			}
			if !slices.Equal(e.Gone, want) {
				t.Errorf("gone: %v", e.Gone)
			}
		})
	}
}
