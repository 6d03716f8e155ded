package daemon

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/netmon"
	"shelfkeeper/daemon/upstream"
)

// A lookout that waits for its next question asks at once when it is woken,
// and does nothing while the server is not known to be down.
func TestLookoutIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, err := absfake.New(absfake.Config{})
		if err != nil {
			t.Fatal(err)
		}
		listener := fake.Listen()
		base, _ := url.Parse("http://abs.test")
		up, err := upstream.New(upstream.Policy{Base: base, Dial: listener.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		l := newLookout(up, health.NewBoard())
		ctx, cancel := context.WithCancel(t.Context())
		ran, back := make(chan struct{}), make(chan struct{}, 1)
		go func() { defer close(ran); l.run(ctx, up, func() { back <- struct{}{} }) }()
		defer func() {
			cancel()
			<-ran
			up.Close()
			if err := fake.Close(); err != nil {
				t.Error(err)
			}
		}()
		asked := func() int {
			return fake.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/ping" })
		}
		l.wake()
		time.Sleep(time.Hour)
		if n := asked(); n != 0 {
			t.Errorf("asked %d times for nothing", n)
		}
		remove := fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		l.fell("cut")
		time.Sleep(time.Hour)
		synctest.Wait()
		remove()
		start := time.Now()
		l.wake()
		<-back
		if took := time.Since(start); took > time.Second {
			t.Errorf("back after %v", took)
		}
	})
}

// An event reaches every part of an account's desk: the live socket comes back
// over the new way at once, although nothing has told it that the old one is
// dead.
func TestNetworkEventReachesTheDesk(t *testing.T) {
	fake, h := realHome(t)
	account := h.Book.All()[0]
	d, err := h.newDesk(account, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.start(func() {})
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	wait := func(desc string, ok func(*absfake.Ledger) bool) {
		t.Helper()
		if err := fake.Ledger().Wait(ctx, ok); err != nil {
			t.Fatalf("%s: %v", desc, err)
		}
	}
	wait("the first socket", func(l *absfake.Ledger) bool { return len(l.OpenSockets("demo")) == 1 })
	d.network(netmon.Event{Reason: netmon.LinkUp, Online: true})
	d.network(netmon.Event{Reason: netmon.WayChanged, Online: true, Gone: []netip.Addr{netip.MustParseAddr("192.0.2.7")}})
	resp, err := http.Get(d.url() + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if n := fake.Ledger().SocketsOpened(); n != 1 {
		t.Errorf("%d sockets: a working connection was dropped", n)
	}
	d.network(netmon.Event{Reason: netmon.WayChanged, Online: false, Gone: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	d.network(netmon.Event{Reason: netmon.WayChanged, Online: true, Gone: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	wait("the second socket", func(l *absfake.Ledger) bool { return l.SocketsOpened() == 2 && len(l.OpenSockets("demo")) == 1 })
	if n := fake.Ledger().MaxSockets("demo"); n != 1 {
		t.Errorf("%d sockets at one time", n)
	}
}

// realHome is a home that is signed in to a double on a real port.
func realHome(t *testing.T) (*absfake.Server, *Home) {
	t.Helper()
	fake := newFake(t, absfake.Config{Large: 32 << 20})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := testHome(t, fake)
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	t.Cleanup(func() { _ = l.Close(); <-served })
	h.Dial = (&net.Dialer{}).DialContext
	if _, err := h.SignIn(t.Context(), demoSignIn("http://"+l.Addr().String())); err != nil {
		t.Fatal(err)
	}
	return fake, h
}
