package daemon

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/netmon"
)

// An event reaches every part of an account's service: the live socket comes back
// over the new way at once, although nothing has told it that the old one is
// dead.
func TestNetworkEventReachesTheService(t *testing.T) {
	fake, h := realHome(t)
	account := h.Book.All()[0]
	s, err := (&Daemon{home: h}).newService(account, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Start(func() {})
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wait := func(desc string, ok func(*absfake.Ledger) bool) {
		t.Helper()
		if err := fake.Ledger().Wait(ctx, ok); err != nil {
			t.Fatalf("%s: %v", desc, err)
		}
	}
	wait("the first socket", func(l *absfake.Ledger) bool { return len(l.OpenSockets("demo")) == 1 })
	s.Network(netmon.Event{Reason: netmon.LinkUp, Online: true})
	s.Network(netmon.Event{Reason: netmon.RouteChanged, Online: true, Gone: []netip.Addr{netip.MustParseAddr("192.0.2.7")}})
	resp, err := http.Get(s.URL() + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if n := fake.Ledger().SocketsOpened(); n != 1 {
		t.Errorf("%d sockets: a working connection was dropped", n)
	}
	s.Network(netmon.Event{Reason: netmon.RouteChanged, Online: false, Gone: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	s.Network(netmon.Event{Reason: netmon.RouteChanged, Online: true, Gone: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	wait("the second socket", func(l *absfake.Ledger) bool { return l.SocketsOpened() == 2 && len(l.OpenSockets("demo")) == 1 })
	if n := fake.Ledger().MaxSockets("demo"); n != 1 {
		t.Errorf("%d sockets at one time", n)
	}
}

// A sleep and a change of the network are on the record of each account.
func TestMachineIsOnRecord(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []netmon.Event{
		{Reason: netmon.Woke, Asleep: 8 * time.Hour}, {Reason: netmon.RouteChanged}, {Reason: netmon.LinkUp, Online: true},
		{Reason: netmon.ClockSet}, {Reason: netmon.Woke},
	} {
		h.RecordMachine(answer.Account, e)
	}
	var got []history.Entry
	for _, e := range h.Entries(answer.Account) {
		if e.Kind == history.Machine {
			got = append(got, e)
		}
	}
	if len(got) != 2 || got[0].Outcome != history.Slept || got[0].Until.Sub(got[0].At) != 8*time.Hour || got[1].Evidence != "no network" {
		t.Errorf("%+v", got)
	}
}
