package daemon

import (
	"context"
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

// Real gateways answer in the server's place: with no server behind them, and without
// what they want. Players get a reason and the command that ends it, and status says the
// same. Both are well again soon after it was mended.
func TestRealGatewaysInTheServersPlace(t *testing.T) {
	for name, gateway := range realGateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, ca := startGateway(t, gateway)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			h := testHome(t, newFake(t, absfake.Config{})) // its own server is not used
			h.Dial = (&net.Dialer{}).DialContext
			req := demoSignIn(fmt.Sprintf("https://localhost:%d/books", g.header))
			pem := ca.pem()
			gate := func(value string) upstream.GatewayChange {
				return upstream.GatewayChange{CA: &pem, Headers: []upstream.GatewayHeader{{Name: "X-Gate", Value: redact.New(value)}}}
			}
			req.Gateway = gate("hush")
			answer, err := h.SignIn(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			a, _ := h.Book.Get(answer.Account)
			s, err := (&Daemon{home: h}).newService(a, "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s.Start(func() {})
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			serves := func() bool { status, _ := asPlayer(ctx, t, s); return status == http.StatusOK }
			await(ctx, t, "the first answer", serves)
			check := func(desc, remedy string) {
				t.Helper()
				status, reason := asPlayer(ctx, t, s)
				if status != http.StatusServiceUnavailable || !strings.Contains(reason, remedy) || strings.Contains(reason, "<html") {
					t.Errorf("%s: a player gets %d %q", desc, status, reason)
				}
				await(ctx, t, desc, func() bool { _, _ = asPlayer(ctx, t, s); return s.Snapshot().Level == health.Offline })
				if shown := s.Snapshot(); !strings.Contains(shown.Remedy, remedy) || !strings.Contains(reason, shown.Remedy) {
					t.Errorf("%s: status says %q, a player reads %q", desc, shown.Remedy, reason)
				}
			}
			restore := g.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
			check("no server", "Audiobookshelf")
			asked := time.Now()
			_, _ = asPlayer(ctx, t, s)                            // HAProxy refuses it without an answer, and it is tried again
			if took := time.Since(asked); took > 20*time.Second { // ten of them are the proxy's own patience
				t.Errorf("no server: a player waits for %v", took)
			}
			restore()
			await(ctx, t, "the server is back", func() bool { return serves() && s.Snapshot().Level == health.OK })
			if _, err := h.SetGateway(ctx, answer.Account, gate("wrong")); err != nil {
				t.Fatal(err)
			}
			if err := s.ReloadGateway(ctx); err != nil {
				t.Fatal(err)
			}
			check("a wrong header", "`shelfkeeper account set "+answer.Account+" --header HEADER`")
			if _, err := h.SetGateway(ctx, answer.Account, gate("hush")); err != nil {
				t.Fatal(err)
			}
			mended := time.Now()
			if err := s.ReloadGateway(ctx); err != nil {
				t.Fatal(err)
			}
			await(ctx, t, "it was mended", func() bool { return s.Snapshot().Level == health.OK }) // no player asks
			if took := time.Since(mended); took > time.Minute {
				t.Errorf("well after %v", took)
			}
		})
	}
}

// asPlayer asks as a player does, and returns the status and the reason.
func asPlayer(ctx context.Context, t *testing.T, s *service.Service) (status int, reason string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("Shelfkeeper-Reason")
}

// await waits until something holds.
func await(ctx context.Context, t *testing.T, desc string, holds func() bool) {
	t.Helper()
	for tick := time.NewTicker(50 * time.Millisecond); !holds(); {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not in time", desc)
		case <-tick.C:
		}
	}
}
