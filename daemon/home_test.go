package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// testHome is a Home with nothing in it, whose every server is fake.
func testHome(t *testing.T, fake *absfake.Server) *home.Home {
	t.Helper()
	l := fake.Listen()
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	dir := t.TempDir()
	h, err := home.Open(home.Options{
		Version: "test", Config: config.Default(), Backend: keychain.Memory, Log: slog.New(slog.DiscardHandler),
		Paths: config.Paths{Config: filepath.Join(dir, "config.toml"), State: filepath.Join(dir, "state"),
			Runtime: filepath.Join(dir, "run")},
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return l.DialContext(ctx, network, addr)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(h.Close(), fake.Close()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, absfake.ErrClosed) {
			t.Error(err)
		}
	})
	return h
}

func newFake(t *testing.T, c absfake.Config) *absfake.Server {
	t.Helper()
	c.LimiterMax = -1
	fake, err := absfake.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return fake
}

func demoSignIn(server string) control.SignInRequest {
	return control.SignInRequest{Server: server, Username: "demo", Password: redact.New("demo"), Keep: true}
}

// realHome is a home that is signed in to a double on a real port.
func realHome(t *testing.T) (*absfake.Server, *home.Home) {
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
