package daemon

import (
	"net"
	"net/netip"
	"net/url"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// Players that say localhost may come out at either loopback address: both are
// ours, or the user learns that one is not. The same goes for an address of
// listen_extra.
func TestBothLoopbackAddresses(t *testing.T) {
	other, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer other.Close()
	h := testHome(t, newFake(t, absfake.Config{}))
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := h.Book.Get(answer.Account)
	h.Config.ListenExtra = []netip.Addr{netip.MustParseAddr("224.0.0.1")} // no such address
	h.Config.ExtraHTTP = h.Config.ListenExtra
	_, port, err := net.SplitHostPort(other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   string
		want map[string]bool
	}{
		{"127.0.0.1:" + port, map[string]bool{health.LocalhostTaken.ID: true, health.ExtraAddress.ID: true}},
		{"127.0.0.1:0", map[string]bool{health.ExtraAddress.ID: true}},
	} {
		s, err := (&Daemon{home: h}).newService(a, c.at)
		if err != nil {
			t.Fatal(err)
		}
		changed := make(chan struct{}, 1)
		s.Start(func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		snap := s.Snapshot()
		for snap.Level >= health.Offline { // until the stored session has been opened and renewed
			select {
			case <-changed:
			case <-t.Context().Done():
				t.Fatalf("%s: %+v", c.at, snap)
			}
			snap = s.Snapshot()
		}
		if !c.want[snap.Condition] || snap.Level != health.Degraded || snap.Remedy == "" {
			t.Errorf("%s: %+v", c.at, snap)
		}
		own, err := url.Parse(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := net.Listen("tcp", net.JoinHostPort("::1", own.Port())); err == nil {
			t.Errorf("%s: the other loopback address is free", c.at)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
