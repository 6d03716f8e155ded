package session

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a session of user "demo" on a server of its own, all in memory.
type rig struct {
	*testing.T
	account string
	fake    *absfake.Server
	up      *upstream.Upstream
	vault   *keychain.Vault
	board   *health.Board
	budget  *Budget
	s       *Session
	log     *logText

	history *history.Log          // nil: each start begins a new one
	peers   func() []history.Peer // nil: none
}

// withRig runs test in a bubble, signed in and started, on a server of cfg.
func withRig(t *testing.T, cfg absfake.Config, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, account: "home", board: health.NewBoard(), budget: NewBudget(""), log: &logText{}}
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

func (r *rig) signIn(password string) {
	r.Helper()
	conn := r.up.Private()
	defer conn.Close()
	_, err := SignIn{Account: r.account, Server: r.up.Base().String(), Means: ByPassword{Username: "demo", Password: redact.New(password), Keep: true, Legacy: !absapi.SupportsRefresh(string(r.fake.Release()))},
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

func eachRelease(t *testing.T, test func(t *testing.T, release absfake.Release)) {
	for _, release := range absfake.RotatingReleases() {
		t.Run(string(release), func(t *testing.T) { test(t, release) })
	}
}

func TestADayWithoutASignIn(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			seen := map[redact.Secret]bool{}
			for range 24 * 12 {
				time.Sleep(5 * time.Minute)
				seen[r.mustToken()] = true
			}
			if len(seen) < 24 || len(seen) > 40 {
				r.Errorf("%d different tokens in a day", len(seen))
			}
			if got := r.fake.Ledger().PasswordLogins("demo"); got != 1 {
				r.Errorf("%d password logins", got)
			}
			if v := r.level(); v.Level != health.OK {
				r.Errorf("level %v", v)
			}
		})
	})
}

// The answer of a rotation is lost, again and again. With a grace window the
// session goes on; without one the stored password brings it back, once for
// each truly lost rotation.
func TestLostAnswers(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			const losses = 4
			for i := range losses {
				r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 1})
				time.Sleep(55 * time.Minute)
				r.mustToken()
				if st := r.snapshot(); st.State != "fresh" {
					r.Fatalf("round %d: %+v\n%s", i, st, r.log)
				}
			}
			logins := r.fake.Ledger().PasswordLogins("demo") - 1
			want := 0
			if absapi.Grace(string(release)) == 0 {
				want = losses
			}
			if logins != want {
				r.Errorf("%d password logins after %d lost answers, want %d\n%s", logins, losses, want, r.log)
			}
		})
	})
}

// The network is left while the answer is on its way, and nothing tells: there
// is no reset. Where a grace window is open, the answer is asked for again
// within it.
func TestAnswersLostInSilence(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			r.fake.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Bytes: 1, Times: 1})
			time.Sleep(55 * time.Minute)
			r.mustToken()
			want := 0
			if absapi.Grace(string(release)) == 0 {
				want = 1
			}
			if got := r.fake.Ledger().PasswordLogins("demo") - 1; got != want {
				r.Errorf("%d password logins after an answer lost in silence, want %d\n%s", got, want, r.log)
			}
		})
	})
}

// ABS says `Invalid refresh token` for errors of its own too: one such answer
// must not end anything.
func TestOneInvalidIsNoRejection(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.InternalAs401, Times: 1})
		time.Sleep(50 * time.Minute)
		r.mustToken()
		if st := r.snapshot(); st.PasswordLogins != 0 || st.Refreshes != 1 {
			r.Errorf("got %+v\n%s", st, r.log)
		}
	})
}

func TestWeatherIsNoRejection(t *testing.T) {
	for desc, fault := range map[string]absfake.Fault{
		"refused":  {Kind: absfake.Refuse},
		"404":      {Kind: absfake.Answer, Status: 404},
		"502":      {Kind: absfake.Answer, Status: 502},
		"portal":   {Kind: absfake.Portal},
		"redirect": {Kind: absfake.Redirect, Location: "https://sso.example/login"},
		"gateway":  {Kind: absfake.Answer, Status: 401, Body: "<html>sign in</html>", ContentType: "text/html"},
	} {
		t.Run(desc, func(t *testing.T) {
			withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
				stop := r.fake.Inject(fault)
				time.Sleep(3 * time.Hour)
				ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
				defer cancel()
				_, err := r.s.Token(ctx)
				var u *Unavailable
				if !errors.As(err, &u) || u.NeedsUser() || u.RetryAfter() < time.Second {
					r.Fatalf("in the storm: %v", err)
				}
				if v := r.level(); v.Level != health.Offline {
					r.Errorf("level %+v", v)
				}
				stop()
				time.Sleep(backoffMost)
				r.mustToken()
				if st := r.snapshot(); st.PasswordLogins != 0 || st.State != "fresh" {
					r.Errorf("got %+v", st)
				}
				if v := r.level(); v.Level != health.OK {
					r.Errorf("level %+v", v)
				}
			})
		})
	}
}

func TestRestartOfTheProcessGoesOn(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			before := r.snapshot().Generation
			for range 3 {
				r.s.Close()
				time.Sleep(2 * time.Hour)
				r.start()
				r.mustToken()
			}
			if st := r.snapshot(); st.Generation != before+3 {
				r.Errorf("generation %d, want %d", st.Generation, before+3)
			}
			if got := r.fake.Ledger().PasswordLogins("demo"); got != 1 {
				r.Errorf("%d password logins", got)
			}
		})
	})
}

// The server ends the session: the stored password brings it back while a
// player waits, and the player notices nothing.
func TestEndedSessionComesBackByPassword(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			if err := r.fake.EndSessions("demo"); err != nil {
				r.Fatal(err)
			}
			time.Sleep(70 * time.Minute)
			r.mustToken()
			if st := r.snapshot(); st.PasswordLogins != 1 || st.State != "fresh" {
				r.Errorf("got %+v", st)
			}
		})
	})
}

func TestRefusedPasswordIsSentOnce(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		if err := r.fake.SetPassword("demo", "changed"); err != nil {
			r.Fatal(err)
		}
		if err := r.fake.EndSessions("demo"); err != nil {
			r.Fatal(err)
		}
		time.Sleep(12 * time.Hour)
		if v := r.level(); v.Condition != health.PasswordRefused.ID {
			r.Errorf("level %+v\n%s", v, r.log)
		}
		for range 3 { // nor after a restart
			r.s.Close()
			r.start()
			time.Sleep(time.Hour)
		}
		bad := 0
		for _, l := range r.fake.Ledger().Logins("demo") {
			if !l.OK {
				bad++
			}
		}
		if bad != 1 {
			r.Errorf("the refused password was sent %d times\n%s", bad, r.log)
		}
		var u *Unavailable
		if _, err := r.s.Token(r.Context()); !errors.As(err, &u) || !u.NeedsUser() || u.Remedy() == "" {
			r.Errorf("got %v", err)
		}
		r.signIn("changed")
		r.s.Reload()
		synctest.Wait()
		r.mustToken()
		if v := r.level(); v.Level != health.OK {
			r.Errorf("after the sign-in: %+v", v)
		}
	})
}

// A long outage lies behind, and the first rotation after it loses its answer:
// the pauses that the outage has made long must not outlast the grace window.
func TestAnAnswerLostRightAfterAnOutage(t *testing.T) {
	for _, release := range []absfake.Release{absfake.R2350, absfake.R2360} {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 404})
			time.Sleep(3 * time.Hour)
			stop()
			r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 2})
			time.Sleep(3 * time.Minute)
			r.mustToken()
			if st := r.snapshot(); st.PasswordLogins != 0 || st.Refreshes != 1 {
				r.Errorf("%s: %+v\n%s", release, st, r.log)
			}
		})
	}
}

// The machine sleeps with an answer on its way and wakes shortly before the
// grace window closes: nobody waits for a connection that slept.
func TestWakeAsksAgainForAnAnswerOnItsWay(t *testing.T) {
	withRig(t, absfake.Config{Release: absfake.R2360, AccessTTL: time.Hour}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Bytes: 1, Times: 1})
		time.Sleep(48*time.Minute + time.Second)
		r.s.Wake("resumed")
		time.Sleep(5 * time.Second)
		if st := r.snapshot(); st.State != "fresh" || st.Refreshes != 1 || st.PasswordLogins != 0 {
			r.Errorf("got %+v\n%s", st, r.log)
		}
	})
}
