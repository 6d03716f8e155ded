package home

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// gate is a gateway with a certificate of its own that lets nobody pass without its
// header.
type gate struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	saw    []string // path and header
}

func newGate(t *testing.T, h *Home, fake *absfake.Server) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: l.Addr().String()})
	behind.Transport = &http.Transport{DisableKeepAlives: true}
	g := &gate{secret: "hush-hush"}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.saw = append(g.saw, r.URL.Path+" "+r.Header.Get("X-Gate"))
		open := r.Header.Get("X-Gate") == g.secret
		g.mu.Unlock()
		if !open {
			http.Error(w, "closed", http.StatusForbidden)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(func() { g.Close(); _ = l.Close(); <-served })
	h.Dial = (&net.Dialer{}).DialContext
	return g
}

func (g *gate) change() upstream.GatewayChange {
	return upstream.GatewayChange{
		Headers: []upstream.GatewayHeader{{Name: "x-gate", Value: redact.New(g.secret)}},
		Pin:     &upstream.Pin{SHA256: upstream.Fingerprint(g.Certificate())},
	}
}

// The settings of a gateway go with the sign-in and are kept only when it succeeds. From
// then on every command finds them, and a sign-out leaves nothing of them.
func TestSignInThroughAGateway(t *testing.T) {
	fake := newFake(t, absfake.Config{})
	h := testHome(t, fake)
	g := newGate(t, h, fake)
	ctx := t.Context()
	req := demoSignIn(g.URL)
	if _, err := h.SignIn(ctx, req); problem.Of(err) == nil || problem.Of(err).Code != problem.Unreachable {
		t.Fatalf("without anything: %v", err)
	}
	req.Gateway = g.change()
	req.Password = redact.New("wrong")
	if _, err := h.SignIn(ctx, req); problem.Of(err) == nil || problem.Of(err).Code != problem.Rejected {
		t.Fatalf("a wrong password: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(h.Paths.State, "gateways")); err == nil && len(entries) > 0 {
		t.Fatal("something is kept of a sign-in that failed")
	}
	req.Password = redact.New("demo")
	answer, err := h.SignIn(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	view, err := h.Gateway(ctx, answer.Account)
	if err != nil || len(view.Headers) != 1 || view.Headers[0].Name != "X-Gate" || !slices.Equal(view.Headers[0].For, []string{g.URL}) ||
		view.Pin == nil || !slices.Equal(view.Pin.For, []string{g.URL}) {
		t.Fatalf("kept: %+v %v", view, err)
	}
	if err := h.Reauthenticate(ctx, answer.Account); err != nil {
		t.Errorf("renew: %v", err)
	}
	if _, err := h.SignIn(ctx, demoSignIn(g.URL)); err != nil {
		t.Errorf("once more, without the settings: %v", err)
	}
	if _, _, _, err := h.Look(ctx, g.URL, upstream.GatewayChange{}); err != nil {
		t.Errorf("look: %v", err)
	}
	if err := h.SignOut(ctx, answer.Account); err != nil {
		t.Fatal(err)
	}
	if left, err := h.gateway(ctx, answer.Account); err != nil || !left.IsZero() {
		t.Errorf("left behind: %v", err)
	}
	if _, err := h.SignIn(ctx, demoSignIn(g.URL)); err == nil {
		t.Error("a new sign-in has the old settings")
	}
}

// Settings change without a new sign-in. What cannot be used is refused, and they are as
// they were.
func TestSetGateway(t *testing.T) {
	fake := newFake(t, absfake.Config{})
	h := testHome(t, fake)
	g := newGate(t, h, fake)
	ctx := t.Context()
	req := demoSignIn(g.URL)
	req.Gateway = g.change()
	if _, err := h.SignIn(ctx, req); err != nil {
		t.Fatal(err)
	}
	a := h.Book.All()[0]
	up, err := h.Reach(a)
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	status := func() int {
		r, _ := http.NewRequestWithContext(ctx, "GET", g.URL+"/ping", nil)
		resp, err := up.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := status(); got != 200 {
		t.Fatalf("status %d", got)
	}
	g.mu.Lock()
	g.secret = "another"
	g.mu.Unlock()
	header := func(value string, to ...string) upstream.GatewayChange {
		return upstream.GatewayChange{Headers: []upstream.GatewayHeader{{Name: "X-Gate", Value: redact.New(value), For: to}}}
	}
	for _, bad := range []upstream.GatewayChange{header("a\nb"), {Pin: &upstream.Pin{SHA256: "xy"}},
		{Headers: []upstream.GatewayHeader{{Name: "X-None"}}}} {
		if _, err := h.SetGateway(ctx, "", bad); problem.Of(err) == nil || problem.Of(err).Code != problem.Usage {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := h.SetGateway(ctx, a.Name, header("another")); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != 403 {
		t.Errorf("before it is read again: %d", got)
	}
	if err := up.Reload(ctx); err != nil || status() != 200 {
		t.Errorf("after: %v", err)
	}
	view, err := h.SetGateway(ctx, a.Name, header(""))
	if err != nil || len(view.Headers) != 0 || view.Pin == nil {
		t.Errorf("removed: %+v %v", view, err)
	}
	if view, err = h.SetGateway(ctx, a.Name, upstream.GatewayChange{Pin: &upstream.Pin{}}); err != nil || view.Pin != nil {
		t.Errorf("the pin removed: %+v %v", view, err)
	}
	if _, err := os.Stat(h.gatewayMark(a.Name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a mark without settings: %v", err)
	}
}

// An account without a gateway is reached while the vault is locked; nothing of the
// settings lies on disk in clear.
func TestGatewayInAFileVault(t *testing.T) {
	fake := newFake(t, absfake.Config{})
	h := testHome(t, fake)
	h.Backend = keychain.File
	g := newGate(t, h, fake)
	req := demoSignIn(g.URL)
	req.Gateway, req.Passphrase = g.change(), redact.New("open")
	answer, err := h.SignIn(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(h.Paths.State, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(path)
		if bytes.Contains(body, []byte("hush-hush")) {
			t.Errorf("the secret stands in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	h.closeVault()
	_, err = h.Gateway(t.Context(), answer.Account)
	if p := problem.Of(err); p == nil || p.Code != problem.Vault || strings.Contains(p.Text, "hush") {
		t.Errorf("a vault that is locked: %v", err)
	}
	for account, sealed := range map[string]bool{answer.Account: true, "other": false} {
		a := h.Book.All()[0]
		a.Name = account
		up, err := h.Reach(a)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), "GET", g.URL+"/ping", nil)
		resp, err := up.Transport().RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		if errors.Is(err, upstream.ErrSealed) != sealed {
			t.Errorf("%s: %v", account, err)
		}
		up.Close()
	}
}

// The secrets of a gateway go to no host that the user did not name, and not over plain
// http.
func TestGatewaySecretsStay(t *testing.T) {
	fake := newFake(t, absfake.Config{})
	h := testHome(t, fake)
	g := newGate(t, h, fake)
	elsewhere := httptest.NewServer(http.RedirectHandler(g.URL+"/status", http.StatusFound))
	defer elsewhere.Close()
	req := demoSignIn(strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1))
	req.Gateway = g.change()
	_, err := h.SignIn(t.Context(), req)
	if problem.Of(err) == nil {
		t.Fatal("signed in")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.saw {
		if strings.Contains(s, "hush") {
			t.Errorf("the host that was not named saw %s", s)
		}
	}
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"app":"audiobookshelf","serverVersion":"2.36.0","isInit":true}`)
	}))
	defer plain.Close()
	h.Dial = nil
	in := &signIn{home: h, req: control.SignInRequest{}}
	in.server.Base, _ = url.Parse("http://nas.lan:13378")
	if in.gateway, err = (upstream.Gateway{}).With(req.Gateway); err != nil {
		t.Fatal(err)
	}
	if err := in.bindGateway(); problem.Of(err) == nil || !strings.Contains(err.Error(), "--for http://nas.lan:13378") {
		t.Errorf("plain http: %v", err)
	}
}
