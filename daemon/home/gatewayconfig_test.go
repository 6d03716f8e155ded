package home

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// An account that is forgotten without its vault leaves no settings that anybody reads;
// they are erased once the vault opens.
func TestGatewayOfAForgottenAccount(t *testing.T) {
	fake := newFake(t, absfake.Config{})
	h := testHome(t, fake)
	h.Backend = keychain.File
	g := newGate(t, h, fake)
	h.Passphrase = func(context.Context, bool) (redact.Secret, error) { return redact.New("open"), nil }
	ctx := t.Context()
	req := demoSignIn(g.URL)
	req.Gateway, req.Account = g.change(), "one"
	if _, err := h.SignIn(ctx, req); err != nil {
		t.Fatal(err)
	}
	req.Account, req.Server = "two", g.URL // keeps the vault
	if _, err := h.SignIn(ctx, req); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Forget(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if left, err := h.gateway(ctx, "one"); err != nil || !left.IsZero() {
		t.Errorf("still known: %v", err)
	}
	vault, err := h.openVault(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Sealed(ctx, gatewayItem("one")); err != nil {
		t.Errorf("before: %v", err)
	}
	if err := h.finishGateways(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Sealed(ctx, gatewayItem("one")); !errors.Is(err, keychain.ErrNotFound) {
		t.Errorf("after: %v", err)
	}
	if left, err := h.gateway(ctx, "two"); err != nil || left.IsZero() {
		t.Errorf("the other account's: %v", err)
	}
}

// Secrets in a config.toml that others can read are warned of.
func TestExposedConfig(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	for _, c := range []struct {
		text string
		mode fs.FileMode
		want bool
	}{
		{"[upstream.headers]\nX-Gate = \"hush\"\n", 0o644, true}, {"[upstream.headers]\nX-Gate = \"hush\"\n", 0o600, false},
		{"[accounts.a.upstream]\nproxy = \"http://u:hush@p:1\"\n", 0o640, true}, {"[upstream]\nproxy = \"direct\"\n", 0o644, false},
		{"listen = 14000\n", 0o644, false},
	} {
		if err := os.WriteFile(h.Paths.Config, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(h.Paths.Config, c.mode); err != nil {
			t.Fatal(err)
		}
		var err error
		if h.Config, err = config.Load(h.Paths.Config); err != nil || h.ExposedConfig() != c.want {
			t.Errorf("%s with mode %o: %v %v", c.text, c.mode, h.ExposedConfig(), err)
		}
	}
}

// Headers of config.toml stay away from plain http, and the log says so once.
func TestHeadersStayAwayFromPlainHTTP(t *testing.T) {
	for _, c := range []struct {
		text, server string
		sent, warned bool
	}{
		{"[upstream.headers]\nX-Gate = \"hush\"\n", "http://192.168.1.5:13378", false, true},
		{"[upstream]\nheaders_for = [\"http://192.168.1.5:13378\"]\n[upstream.headers]\nX-Gate = \"hush\"\n", "http://192.168.1.5:13378",
			true, false},
		{"[upstream.headers]\nX-Gate = \"hush\"\n", "http://127.0.0.1:13378", true, false},
		{"listen = 14000\n", "http://192.168.1.5:13378", false, false},
	} {
		h := testHome(t, newFake(t, absfake.Config{}))
		var said bytes.Buffer
		h.Log = slog.New(slog.NewTextHandler(&said, nil))
		if err := os.WriteFile(h.Paths.Config, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if h.Config, err = config.Load(h.Paths.Config); err != nil {
			t.Fatal(err)
		}
		up, err := h.Reach(accounts.Account{Name: "a", Server: c.server})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := up.Transport().RoundTrip(httptest.NewRequest("GET", c.server+"/ping", nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if sent := up.Header().Get("X-Gate") != ""; sent != c.sent || strings.Contains(said.String(), "headers_for") != c.warned ||
			strings.Contains(said.String(), "hush") {
			t.Errorf("%q to %s: sent %v; %s", c.text, c.server, sent, said.String())
		}
		up.Close()
	}
}
