package session

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// dueAfter is when the pair of an access token of an hour is renewed while somebody is
// served.
const dueAfter = 52*time.Minute + 30*time.Second

// rig is a session of user "demo" on a server of its own, all in memory.
type rig struct {
	*testing.T
	account string
	fake    *absfake.Server
	up      *upstream.Upstream
	vault   *keychain.Vault
	board   *health.Board
	budget  *budget.Budget
	s       *Session
	log     *logText

	history *history.Log          // nil: each start begins a new one
	peers   func() []history.Peer // nil: none
}

// withRig runs test in a bubble, signed in and started, on a server of cfg.
func withRig(t *testing.T, cfg absfake.Config, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, account: "home", board: health.NewBoard(), budget: budget.New(""), log: &logText{}}
		var err error
		if cfg.Large == 0 {
			cfg.Large = 1 << 20
		}
		if r.fake, err = absfake.New(cfg); err != nil {
			t.Fatal(err)
		}
		listener := r.fake.Listen()
		served := make(chan error, 1)
		go func() { served <- r.fake.Serve(listener) }()
		base, _ := url.Parse("http://abs.test")
		if r.up, err = upstream.New(upstream.Policy{Base: base, Dial: listener.DialContext}); err != nil {
			t.Fatal(err)
		}
		if r.vault, err = keychain.Open(t.Context(), keychain.Options{Backend: keychain.Memory}); err != nil {
			t.Fatal(err)
		}
		r.signIn("demo")
		r.start()
		defer func() {
			r.s.Close()
			r.up.Close()
			if err := r.vault.Close(); err != nil {
				t.Error(err)
			}
			if err := r.fake.Close(); err != nil {
				t.Error(err)
			}
			<-served
			if strings.Contains(r.log.String(), "eyJ") {
				t.Error("a token is in the log")
			}
		}()
		test(r)
	})
}

func (r *rig) signIn(password string) { r.signInAs("demo", password) }

func (r *rig) signInAs(user, password string) {
	r.Helper()
	conn := r.up.Private()
	defer conn.Close()
	_, err := signin.SignIn{Account: r.account, Server: r.up.Base().String(), Means: signin.ByPassword{Username: user,
		Password: redact.New(password), Keep: true, Legacy: !absapi.SupportsRefresh(string(r.fake.Release()))},
		Vault: r.vault, Budget: r.budget, Client: absapi.New(conn, r.up.Base())}.Do(r.Context())
	if err != nil {
		r.Fatal(err)
	}
}

// start starts a session, as a new process would.
func (r *rig) start() { r.startWith(func(*Config) {}) }

func (r *rig) startWith(change func(*Config)) {
	cfg := Config{
		Account: r.account, Base: r.up.Base(), ServerVersion: string(r.fake.Release()), Vault: r.vault,
		Connect: func() Conn { return r.up.Private() }, Budget: r.budget, Board: r.board, History: r.history, Peers: r.peers,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	change(&cfg)
	r.s = New(cfg)
	r.s.Start()
	synctest.Wait()
}

// accepted reports whether the server takes the token now.
func (r *rig) accepted(token redact.Secret) bool {
	conn := r.up.Private()
	defer conn.Close()
	_, err := absapi.New(conn, r.up.Base()).Me(r.Context(), token)
	return err == nil
}

func (r *rig) mustToken() redact.Secret {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	token, err := r.s.Token(ctx)
	if err != nil {
		r.Fatalf("token: %v\n%s", err, r.log)
	}
	if !r.accepted(token) {
		r.Fatalf("the server refuses the token\n%s", r.log)
	}
	return token
}

func (r *rig) snapshot() health.Session {
	var a health.Account
	r.s.Fill(&a)
	return a.Session
}

func (r *rig) level() health.View { v, _, _ := r.board.View(); return v }
