package daemon

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/netmon"
)

// An address of listen_extra whose port somebody else has is a condition with a remedy,
// and it is served as soon as the port is free. It is https, and its fingerprint shows.
func TestExtraAddressComesBack(t *testing.T) {
	t.Parallel()
	addr := networkAddress(t)
	h := testHome(t, newFake(t, absfake.Config{}))
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := h.Book.Get(answer.Account)
	taken, err := net.Listen("tcp", net.JoinHostPort(addr.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h.Config.ListenExtra = []netip.Addr{addr}
	s, err := (&Daemon{home: h}).newService(a, "127.0.0.1:"+port)
	if err != nil {
		t.Skip(err) // somebody has the port at loopback
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	changed := make(chan struct{}, 1)
	s.Start(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	until := func(desc string, good func(health.Account) bool) health.Account {
		t.Helper()
		for {
			if snap := s.Snapshot(); good(snap) {
				return snap
			}
			select {
			case <-changed:
			case <-t.Context().Done():
				t.Fatalf("%s: %+v", desc, s.Snapshot())
			}
		}
	}
	snap := until("taken", func(a health.Account) bool { return a.Condition == health.ExtraAddress.ID })
	if snap.Level != health.Degraded || !strings.Contains(snap.Remedy, "served by itself") || len(snap.Proxy.Extra) != 0 {
		t.Errorf("%+v", snap)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	s.Network(netmon.Event{Online: true}) // a notice; without one it is tried again by itself
	snap = until("free", func(a health.Account) bool { return a.Level == health.OK && len(a.Proxy.Extra) == 1 })
	if snap.Proxy.Extra[0] != "https://"+net.JoinHostPort(addr.String(), port) || len(snap.Proxy.ExtraCertificate) != 95 {
		t.Errorf("%+v", snap.Proxy)
	}
}

// networkAddress is an address of this machine beyond loopback.
func networkAddress(t *testing.T) netip.Addr {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr()
		}
	}
	t.Skip("this machine has no address but loopback")
	return netip.Addr{}
}
