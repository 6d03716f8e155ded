package handover

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T, s *Sockets, addr string) net.Listener {
	t.Helper()
	l, err := s.Listen(context.Background(), net.ListenConfig{}, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A connection that is made while nobody listens waits for the next one who does.
func TestConnectionWaitsForTheNextListener(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows hands no socket over")
	}
	s := &Sockets{}
	first := listen(t, s, "127.0.0.1:0")
	addr := first.Addr().String()
	if lost := s.Keep(); lost != 0 {
		t.Fatalf("%d addresses are lost", lost)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if kept := s.Kept(); len(kept) != 1 || kept[0] != addr {
		t.Fatalf("kept %v", kept)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal("between two listeners:", err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}

	second := listen(t, s, addr)
	if err := s.Drop(); err != nil || len(s.Kept()) != 0 {
		t.Errorf("%v, still kept: %v", err, s.Kept())
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the second") })}
	ended := make(chan error)
	go func() { ended <- server.Serve(second) }()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || len(got) < 10 || string(got[len(got)-10:]) != "the second" {
		t.Errorf("%q %v", got, err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if lost := s.Keep(); lost != 0 || len(s.Kept()) != 0 {
		t.Errorf("a closed socket is kept: %d, %v", lost, s.Kept())
	}
}

// A socket that nobody takes is closed: a connection to it would wait for ever.
func TestDroppedSocketRefuses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows hands no socket over")
	}
	s := &Sockets{}
	a, b := listen(t, s, "127.0.0.1:0"), listen(t, s, "127.0.0.1:0")
	s.Keep()
	for _, l := range []net.Listener{a, b} {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Drop(b.Addr().(*net.TCPAddr).Port); err != nil {
		t.Fatal(err)
	}
	if kept := s.Kept(); len(kept) != 1 || kept[0] != b.Addr().String() {
		t.Errorf("kept %v", kept)
	}
	if conn, err := net.Dial("tcp", a.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the dropped address still takes connections")
	}
	if err := s.Drop(); err != nil {
		t.Fatal(err)
	}
}

// Whoever waits for a port may open another one many times.
func TestClosedSocketsAreForgotten(t *testing.T) {
	s := &Sockets{}
	for range 100 {
		if err := listen(t, s, "127.0.0.1:0").Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.open); n > 1 {
		t.Errorf("%d sockets are remembered", n)
	}
}

// Without Sockets everything is as with the system alone.
func TestNoSockets(t *testing.T) {
	var s *Sockets
	l := listen(t, s, "127.0.0.1:0")
	if s.Keep() != 0 || s.Kept() != nil || s.Drop() != nil {
		t.Error("nothing keeps something")
	}
	if _, err := s.Listen(context.Background(), net.ListenConfig{}, "tcp", l.Addr().String()); err == nil {
		t.Error("one address twice")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
