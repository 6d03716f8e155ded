package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/netmon"
)

// The account's whole service goes from one address to the other: the socket, and
// a download under way, which does not notice.
func TestServiceMovesToAnotherAddress(t *testing.T) {
	fake, h := realHome(t)
	account := h.Book.All()[0]
	public := strings.TrimPrefix(account.Server, "http://")
	const lan = "127.0.0.1:9"
	where := newPlaces()
	real := h.Dial
	where.put(public, real)
	where.put(lan, func(ctx context.Context, network, _ string) (net.Conn, error) { return real(ctx, network, public) })
	h.Dial = where.DialContext
	text := "[upstream]\ntrust_http = true\naddresses = [\"http://" + lan + "\", \"" + account.Server + "\"]\n"
	if err := os.WriteFile(h.Paths.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.Config, err = config.Load(h.Paths.Config); err != nil {
		t.Fatal(err)
	}
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
	sockets := func(n int64) {
		t.Helper()
		if err := fake.Ledger().Wait(ctx, func(l *absfake.Ledger) bool {
			return l.SocketsOpened() == n &&
				len(l.OpenSockets("demo")) == 1
		}); err != nil {
			t.Fatal(err)
		}
	}
	sockets(1)
	if got := s.Snapshot().Address; got != "http://"+lan {
		t.Errorf("in use: %s", got)
	}
	// Sleep and wake: what works is asked, and stays.
	s.Network(netmon.Event{Reason: netmon.Woke, Asleep: time.Hour, Online: true})
	if resp, err := http.Get(s.URL() + "/api/me"); err != nil || resp.StatusCode != http.StatusOK || resp.Body.Close() != nil {
		t.Fatalf("after waking: %v, %v", resp, err)
	}
	sockets(1)
	book := fake.Library().Large()
	file := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
	whole := sha256.New()
	running, err := http.Get(s.URL() + file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = running.Body.Close() }()
	if _, err := io.CopyN(whole, running.Body, 1<<16); err != nil {
		t.Fatal(err)
	}
	where.put(lan, nil)
	s.Network(netmon.Event{Reason: netmon.Woke, Asleep: time.Hour, Online: true})
	sockets(2)
	if _, err := io.Copy(whole, running.Body); err != nil {
		t.Fatalf("the download under way: %v", err)
	}
	again := sha256.New()
	if resp, err := http.Get(s.URL() + file); err != nil {
		t.Fatal(err)
	} else if _, err := io.Copy(again, resp.Body); err != nil || resp.Body.Close() != nil {
		t.Fatal(err)
	}
	if resumed := s.Snapshot().Proxy.Resumed; resumed == 0 || !bytes.Equal(whole.Sum(nil), again.Sum(nil)) {
		t.Errorf("%d streams went on, or the bytes differ", resumed)
	}
	resp, err := http.Get(s.URL() + "/api/me")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := s.Snapshot().Address; resp.StatusCode != http.StatusOK || got != account.Server {
		t.Errorf("%s through %s", resp.Status, got)
	}
	if n := fake.Ledger().MaxSockets("demo"); n != 1 {
		t.Errorf("%d sockets at one time", n)
	}
}

// places is a network in which servers stand at addresses, as long as they do.
type places struct {
	mu    sync.Mutex
	dial  map[string]func(context.Context, string, string) (net.Conn, error)
	conns map[string][]net.Conn
}

func newPlaces() *places {
	return &places{dial: map[string]func(context.Context, string, string) (net.Conn, error){}, conns: map[string][]net.Conn{}}
}

// put lets connections to addr be made by dial from now on, and cuts those
// that are; nil refuses them.
func (p *places) put(addr string, dial func(context.Context, string, string) (net.Conn, error)) {
	p.mu.Lock()
	old := p.conns[addr]
	p.dial[addr], p.conns[addr] = dial, nil
	p.mu.Unlock()
	for _, c := range old {
		_ = c.Close()
	}
}

func (p *places) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	p.mu.Lock()
	dial := p.dial[addr]
	p.mu.Unlock()
	if dial == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	c, err := dial(ctx, network, addr)
	if err == nil {
		p.mu.Lock()
		p.conns[addr] = append(p.conns[addr], c)
		p.mu.Unlock()
	}
	return c, err
}
