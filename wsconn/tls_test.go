package wsconn

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// patience is how long a test on real connections may take; it never waits for
// it to pass.
const patience = time.Minute

// On a real network and with a certificate of one's own: trusted it works and
// ends cleanly, and without trust the reason names it.
func TestOverTLS(t *testing.T) {
	abs, err := absfake.New(absfake.Config{BasePath: "/audiobookshelf"})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(abs.Handler())
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	defer func() { _ = abs.Close(); front.Close() }()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	legacy := signIn(t, front)
	base, err := url.Parse(front.URL + "/audiobookshelf")
	if err != nil {
		t.Fatal(err)
	}
	start := func(caFile string) *Socket {
		up, err := upstream.New(upstream.Policy{Base: base, CAFile: caFile})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(up.Close)
		s := New(Config{Server: up, Tokens: &tokens{fixed: legacy}, Log: slog.New(slog.DiscardHandler)})
		s.Start()
		t.Cleanup(s.Close)
		return s
	}

	good := start(ca)
	until(t, good.Changed, func() bool { return good.Snapshot().State == Authenticated })
	if !good.Probe(t.Context(), "test") {
		t.Error("no answer to a probe")
	}
	began := time.Now()
	good.Close()
	if took := time.Since(began); took > closeGrace {
		t.Errorf("Close took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := abs.Ledger().Wait(ctx, func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 }); err != nil {
		t.Errorf("the server keeps the socket: %v", err)
	}

	bad := start("")
	until(t, bad.Changed, func() bool { return bad.Snapshot().Degraded() })
	if snap := bad.Snapshot(); !strings.Contains(snap.Reason, "certificate is not trusted") {
		t.Errorf("%+v", snap)
	}
	if n := abs.Ledger().SocketsOpened(); n != 1 {
		t.Errorf("%d sockets", n)
	}
}

// until waits for ok, which is asked again after each change.
func until(t *testing.T, changed func() <-chan struct{}, ok func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		next := changed()
		if ok() {
			return
		}
		select {
		case <-next:
		case <-late:
			t.Fatal("waited in vain")
		}
	}
}

// signIn returns the legacy token of the double's own user.
func signIn(t *testing.T, front *httptest.Server) string {
	t.Helper()
	w := &world{t: t, rest: front.Client(), base: front.URL}
	user, _ := w.post("/login", map[string]string{"username": "demo", "password": "demo"})["user"].(map[string]any)
	token, _ := user["token"].(string)
	if redact.New(token).IsEmpty() {
		t.Fatal("no token")
	}
	return token
}
