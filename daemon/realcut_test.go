package daemon

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/service"
	"shelfkeeper/daemon/upstream"
)

// stream fetches a large file as a player does, and returns the SHA-256 of what came.
// at is called once, when a quarter of the file has come.
func stream(ctx context.Context, t *testing.T, s *service.Service, file *absfake.Item, at func()) (sum [sha256.Size]byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet,
		fmt.Sprintf("%s/api/items/%s/file/%s", s.URL(), file.ID, file.Files[0].Ino), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	hash := sha256.New()
	n, err := io.CopyN(hash, resp.Body, file.Files[0].Size/4)
	if err == nil {
		at()
		var rest int64
		rest, err = io.Copy(hash, resp.Body)
		n += rest
	}
	if err != nil || resp.StatusCode != http.StatusOK || n != file.Files[0].Size {
		t.Errorf("%s: %d of %d bytes: %v", resp.Status, n, file.Files[0].Size, err)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// sumOf is the SHA-256 of the file on the server.
func sumOf(t *testing.T, file *absfake.Item) [sha256.Size]byte {
	t.Helper()
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file.Files[0], 0, file.Files[0].Size)); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// A real gateway is restarted in the middle of a stream, and the player gets the file
// byte for byte.
func TestRealGatewayRestartsInAStream(t *testing.T) {
	t.Parallel()
	for name, gateway := range realGateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			g, ca := startGateway(t, gateway)
			s := behind(ctx, t, g, ca)
			file := g.fake.Library().Large()
			g.fake.Inject(absfake.Fault{Kind: absfake.Rate, Path: "/api/items/", Bytes: 4 << 20})
			sum := stream(ctx, t, s, file, func() {
				g.restart(t, gateway.config(g.gatewayPlace))
			})
			if sum != sumOf(t, file) {
				t.Error("the stream differs from the file")
			}
			if n := s.Snapshot().Proxy.Resumed; n == 0 {
				t.Error("the stream was not broken")
			}
		})
	}
}

// A real gateway has a time limit of five seconds. A stream in which the server rests for
// longer reaches the player byte for byte, and the live socket, which is cut each time,
// is told of as one thing with the setting to raise.
func TestRealGatewayCutsAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	for name, gateway := range realGateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			plain := gateway.config
			gateway.config = func(g gatewayPlace) string { return gateway.limit(plain(g)) }
			g, ca := startGateway(t, gateway)
			s := behind(ctx, t, g, ca)
			file := g.fake.Library().Large()
			g.fake.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/api/items/", Bytes: 3 << 20, After: 12 * time.Second, Times: 1})
			if stream(ctx, t, s, file, func() {}) != sumOf(t, file) {
				t.Error("the stream differs from the file")
			}
			if n := s.Snapshot().Proxy.Resumed; n == 0 {
				t.Error("the stream was not broken")
			}
			if name == "Caddy" {
				return // Debian's 2.6 has no limit for a socket; stream_timeout came with 2.7
			}
			await(ctx, t, "the socket's cuts are told of", func() bool {
				shown := s.Snapshot()
				return shown.Level == health.Degraded && strings.Contains(shown.Reason, "cut after 5 s each time")
			})
			for _, setting := range []string{"proxy_read_timeout", "stream_timeout", "timeout tunnel", "ProxyTimeout"} {
				if remedy := s.Snapshot().Remedy; !strings.Contains(remedy, setting) {
					t.Errorf("remedy %q", remedy)
				}
			}
		})
	}
}

// Authelia behind nginx begins to refuse what it took. Level and player name it, with
// the command that gives it what it takes.
func TestRealGatewayAsksAsAutheliaDoes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	nginx := realGateways["nginx"]
	plain := nginx.config
	nginx.config = func(g gatewayPlace) string { // the port of the header asks Authelia
		g.asking, g.header = g.header, g.asking
		return plain(g)
	}
	g, ca := startGateway(t, nginx)
	h, pem := testHome(t, newFake(t, absfake.Config{})), ca.pem()
	h.Dial = (&net.Dialer{}).DialContext
	req := demoSignIn(fmt.Sprintf("https://localhost:%d/books", g.header))
	req.Gateway.CA = &pem
	if _, err := h.SignIn(ctx, req); err == nil || !strings.Contains(err.Error(), "Authelia") {
		t.Errorf("a sign-in without its password: %v", err)
	}
	password := func(text string) upstream.GatewayChange {
		return upstream.GatewayChange{CA: &pem, Basic: &upstream.Basic{User: "ann", Password: redact.New(text), Header: "Proxy-Authorization"}}
	}
	req.Gateway = password("p w:1")
	s, name := serveAccount(ctx, t, h, req)
	if _, err := h.SetGateway(ctx, name, password("changed")); err != nil {
		t.Fatal(err)
	}
	if err := s.ReloadGateway(ctx); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, "the level", func() bool { _, _ = asPlayer(ctx, t, s); return s.Snapshot().Level == health.Offline })
	shown, remedy := s.Snapshot(), "`shelfkeeper account set "+name+" --gateway authelia --basic USER`"
	if status, said := asPlayer(ctx, t, s); status != http.StatusServiceUnavailable || !strings.Contains(said, remedy) {
		t.Errorf("a player gets %d %q", status, said)
	}
	if !strings.Contains(shown.Reason, "Authelia") || !strings.Contains(shown.Remedy, remedy) {
		t.Errorf("%q, %q", shown.Reason, shown.Remedy)
	}
}
