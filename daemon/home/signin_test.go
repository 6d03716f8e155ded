package home

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// testHome is a Home with nothing in it, whose every server is fake.
func testHome(t *testing.T, fake *absfake.Server) *Home {
	t.Helper()
	l := fake.Listen()
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	h, err := Open(Options{
		Version: "test", Config: config.Default(), Backend: keychain.Memory, Log: discard, Paths: testPaths(t),
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

var discard = slog.New(slog.DiscardHandler)

func testPaths(t *testing.T) config.Paths {
	dir := t.TempDir()
	return config.Paths{Config: filepath.Join(dir, "config.toml"), State: filepath.Join(dir, "state"), Runtime: filepath.Join(dir, "run")}
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

// A password travels unencrypted only where nobody but the user's own network
// sees it, or where the user said so.
func TestPlainHTTPNeedsThePublicsConsent(t *testing.T) {
	for _, c := range []struct {
		server  string
		allowed bool
	}{
		{"http://93.184.216.34", false},
		{"http://93.184.216.34:13378/audiobookshelf", false},
		{"http://[2606:2800:220:1::1]", false},
		{"http://192.168.1.20:13378", true},
		{"http://127.0.0.1", true},
		{"http://100.100.1.1", true}, // Tailscale's
		{"http://[fd00::1]:13378", true},
	} {
		fake := newFake(t, absfake.Config{})
		h := testHome(t, fake)
		_, err := h.SignIn(t.Context(), demoSignIn(c.server))
		p := problem.Of(err)
		if c.allowed {
			if err != nil {
				t.Errorf("%s: %v", c.server, err)
			}
			continue
		}
		if p == nil || p.Code != problem.Usage || !strings.Contains(p.Remedy, "--allow-http") ||
			!strings.Contains(p.Text, "public address") {
			t.Errorf("%s: %+v", c.server, p)
		}
		if n := fake.Ledger().Count(func(e absfake.Entry) bool { return e.Method != "GET" }); n != 0 {
			t.Errorf("%s: %d requests that are more than a look", c.server, n)
		}
		req := demoSignIn(c.server)
		req.AllowHTTP = true
		if _, err := h.SignIn(t.Context(), req); err != nil {
			t.Errorf("%s, allowed: %v", c.server, err)
		}
	}
}

// What a failed sign-in leaves: nothing.
func TestFailedSignInChangesNothing(t *testing.T) {
	for _, c := range []struct {
		desc   string
		server absfake.Config
		fault  absfake.Fault
		change func(*control.SignInRequest)
		code   problem.Code
	}{
		{"wrong password", absfake.Config{}, absfake.Fault{}, func(r *control.SignInRequest) { r.Password = redact.New("no") },
			problem.Rejected},
		{"not set up", absfake.Config{Uninitialised: true}, absfake.Fault{}, nil, problem.Unreachable},
		{"a gateway's error at the sign-in", absfake.Config{}, absfake.Fault{Kind: absfake.Answer, Path: "/login", Status: 502},
			nil, problem.Unreachable},
		{"a portal's page", absfake.Config{}, absfake.Fault{Kind: absfake.Portal}, nil, problem.Unreachable},
		{"an answer that is lost", absfake.Config{}, absfake.Fault{Kind: absfake.LoseAnswer, Path: "/login"}, nil, problem.Unreachable},
		{"too many sign-ins", absfake.Config{}, absfake.Fault{Kind: absfake.Answer, Path: "/login", Status: 429}, nil, problem.Unreachable},
		{"bad name", absfake.Config{}, absfake.Fault{}, func(r *control.SignInRequest) { r.Account = "a/b" }, problem.Usage},
	} {
		t.Run(c.desc, func(t *testing.T) {
			fake := newFake(t, c.server)
			h := testHome(t, fake)
			if c.fault.Kind != "" {
				fake.Inject(c.fault)
			}
			req := demoSignIn("http://127.0.0.1:13378")
			if c.change != nil {
				c.change(&req)
			}
			answer, err := h.SignIn(t.Context(), req)
			p := problem.Of(err)
			if p == nil || p.Code != c.code || p.Text == "" || p.Remedy == "" && c.code != problem.Usage || answer.Grant != "" {
				t.Errorf("%+v, %+v", answer, p)
			}
			if all := h.Book.All(); len(all) != 0 {
				t.Errorf("accounts %+v", all)
			}
			if len(h.Grants.List("127-0-0-1-demo")) > 0 {
				t.Error("a grant")
			}
			if n := len(fake.Ledger().Logins("demo")); n > 1 {
				t.Errorf("the password was sent %d times", n)
			}
		})
	}
}
