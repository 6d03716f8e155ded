package home

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/problem"
)

func listenSomewhere(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// The usual port of a first account is a wish: another program that has it gets
// the account another one. A port that the user has written down is not.
func TestTakenPortOfAFirstAccount(t *testing.T) {
	for _, given := range []bool{false, true} {
		fake := newFake(t, absfake.Config{})
		h := testHome(t, fake)
		h.Config.Listen, h.Config.ListenGiven = listenSomewhere(t), given
		answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
		if !given {
			if a, _ := h.Book.Get(answer.Account); err != nil || a.Port == h.Config.Listen || listenable(a.Port) != nil ||
				answer.Grant == "" {
				t.Errorf("%+v, %v", answer, err)
			}
			continue
		}
		if p := problem.Of(err); p == nil || p.Code != problem.PortTaken || !strings.Contains(p.Remedy, "change `listen` in ") {
			t.Errorf("%+v", p)
		}
		if n := len(fake.Ledger().Logins("demo")); n != 0 || len(h.Book.All()) != 0 {
			t.Errorf("the password was sent %d times, the accounts are %+v", n, h.Book.All())
		}
	}
}

// Somebody takes `listen` while the first account signs in, if only to look
// whether it is free: the account has the port all the same, as the user wrote.
func TestListenIsTakenDuringTheSignIn(t *testing.T) {
	fake := newFake(t, absfake.Config{})
	h := testHome(t, fake)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.Config.Listen, h.Config.ListenGiven = l.Addr().(*net.TCPAddr).Port, true
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dial := h.Dial
	h.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if other, err := net.Listen("tcp", accounts.ProxyURL(h.Config.Listen)[len("http://"):]); err == nil {
			t.Cleanup(func() { _ = other.Close() })
		}
		return dial(ctx, network, addr)
	}
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if a, _ := h.Book.Get(answer.Account); err != nil || a.Port != h.Config.Listen {
		t.Fatalf("%+v, %v", a, err)
	}
	if listenable(h.Config.Listen) == nil {
		t.Error("nobody took the port")
	}
}

// A `listen` that no account can have is said before anything secret leaves.
func TestListenThatNoAccountCanHave(t *testing.T) {
	for desc, text := range map[string]string{
		"another's": "listen = 14000\n[accounts.other]\nlisten = 14000\n",
	} {
		fake := newFake(t, absfake.Config{})
		h := testHome(t, fake)
		file := t.TempDir() + "/config.toml"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		h.Config = cfg
		_, err = h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
		if p := problem.Of(err); p == nil || p.Code != problem.Config || !strings.Contains(p.Remedy, "change `listen` in ") {
			t.Errorf("%s: %+v", desc, p)
		}
		if n := len(fake.Ledger().Logins("demo")); n != 0 {
			t.Errorf("%s: the password was sent", desc)
		}
	}
}

// Settings for an account that is not here are told of while there is no account,
// and by the first sign-in under another name.
func TestSettingsForNoAccount(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	file := t.TempDir() + "/config.toml"
	if err := os.WriteFile(file, []byte("[accounts.typo]\nlisten = 14000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.Config, err = config.Load(file); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	h.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := h.CheckConfig(); err != nil || !strings.Contains(log.String(), "accounts=[typo]") {
		t.Errorf("%v, logged %s", err, log.String())
	}
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil || !strings.Contains(strings.Join(answer.Warnings, "\n"), "no account is called typo") {
		t.Errorf("%+v, %v", answer.Warnings, err)
	}
}

// A port that needs special rights is not called taken.
func TestPortWithoutPermission(t *testing.T) {
	err := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", fs.ErrPermission)}
	p := problem.Of(portProblem(80, fmt.Errorf("listen: %w", err), "change `listen`"))
	if p.Code != problem.PortTaken || !strings.Contains(p.Text, "no permission to listen on port 80") ||
		!strings.Contains(p.Remedy, "from 1024 on: change `listen`") || strings.Contains(p.Text, "taken") {
		t.Errorf("%+v", p)
	}
	if portProblem(80, nil, "") != nil {
		t.Error("nothing is a problem")
	}
}

// A disk that takes no grant leaves no account whose grant nobody has seen.
func TestGrantThatCannotBeKept(t *testing.T) {
	h := testHome(t, newFake(t, absfake.Config{}))
	if err := os.Mkdir(h.Paths.State+"/grants.json.tmp", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.Paths.State+"/grants.json.tmp/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	answer, err := h.SignIn(t.Context(), demoSignIn("http://127.0.0.1:13378"))
	if err != nil || answer.Grant != "" || !strings.Contains(strings.Join(answer.Warnings, "\n"), "`shelfkeeper players add NAME`") {
		t.Errorf("%+v, %v", answer, err)
	}
	if _, ok := h.Book.Get(answer.Account); !ok {
		t.Error("no account")
	}
}
