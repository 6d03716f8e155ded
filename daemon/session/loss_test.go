package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// lossRig is a rig whose record of attempts survives restarts.
func lossRig(t *testing.T, release absfake.Release, password bool, test func(*rig)) {
	t.Helper()
	users := []absfake.User{{Name: "root", Password: "root", Type: "root"}, {Name: "demo", Password: "demo"}}
	withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour, RefreshTTL: 5 * time.Hour, LimiterMax: -1, Users: users}, func(r *rig) {
		r.s.Close()
		r.history, _ = history.Open(t.Context(), "")
		if !password {
			r.edit(func(rec *keychain.Record) { rec.Password = redactNone })
		}
		r.start()
		test(r)
	})
}

var (
	redactNone = redact.Secret{}
	redactDemo = redact.New("demo")
)

// edit changes what the vault holds, as of a next generation.
func (r *rig) edit(change func(*keychain.Record)) {
	r.Helper()
	rec, err := r.vault.Load(r.Context(), "home")
	if err != nil {
		r.Fatal(err)
	}
	rec.Generation++
	change(&rec)
	if err := r.vault.Commit(r.Context(), rec); err != nil {
		r.Fatal(err)
	}
}

// lost waits for the next rotation and returns what is shown of the loss.
func (r *rig) lost(after time.Duration) (*health.Loss, health.View) {
	r.Helper()
	time.Sleep(after)
	synctest.Wait()
	var a health.Account
	r.s.Fill(&a)
	if a.Loss == nil {
		r.Fatalf("no loss is shown: %+v\n%+v\n%s", a.Session, r.s.History.Entries(), r.log)
	}
	return a.Loss, r.level()
}

// soon is after the next rotation and its second try, while the access token
// still lives.
const soon = 55 * time.Minute

// Each cause, played by the server, is told from the others.
func TestCausesOfALoss(t *testing.T) {
	after236 := func(r absfake.Release) bool { return absapi.PasswordChangeEndsSessions(string(r)) }
	for _, c := range []struct {
		desc     string
		password bool // one is stored
		act      func(r *rig)
		after    time.Duration
		cause    history.Cause
		says     func(absfake.Release) string
		remedy   string
	}{
		{"answer lost", false, func(r *rig) {
			// The answer is lost, and the network stays away for longer than
			// any grace window.
			r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 1})
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/ping", Skip: 1})
			time.Sleep(48*time.Minute + 15*time.Minute)
			stop()
		}, 2 * time.Minute, history.LostAnswer, func(rel absfake.Release) string {
			if absapi.Grace(string(rel)) == 0 {
				return "repeats no answer"
			}
			return "repeats it only for a while"
		}, "run `shelfkeeper login`"},
		{"answer lost, password stored", true, func(r *rig) {
			r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 1})
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/ping", Skip: 1})
			time.Sleep(48*time.Minute + 15*time.Minute)
			stop()
		}, 2 * time.Minute, history.LostAnswer, func(absfake.Release) string { return "was lost on its way" }, ""},
		{"sessions ended", false, func(r *rig) { r.must(r.fake.EndSessions("demo")) }, soon, history.Elsewhere, func(rel absfake.Release) string {
			if after236(rel) {
				return "ended on the server: by `log out everywhere`, by an admin, or by a new password"
			}
			return "by an admin, by a restored database, or by a copy"
		}, "run `shelfkeeper login`"},
		{"sessions ended, seen late", false, func(r *rig) {
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
			time.Sleep(2 * time.Hour)
			r.must(r.fake.EndSessions("demo"))
			stop()
		}, 2 * time.Minute, history.Elsewhere, func(rel absfake.Release) string {
			if after236(rel) {
				return "by a new password"
			}
			return "by a new user name"
		}, "run `shelfkeeper login`"},
		{"password changed", true, func(r *rig) {
			r.must(r.fake.SetPassword("demo", "another"))
			if !after236(r.fake.Release()) {
				r.must(r.fake.EndSessions("demo"))
			}
		}, soon, history.PasswordChange, func(rel absfake.Release) string {
			if after236(rel) {
				return "the password was changed on the server, which ends every session"
			}
			return "an admin ended the session and changed the password"
		}, "run `shelfkeeper login` with the new password"},
		{"renamed", false, func(r *rig) { r.must(r.fake.Rename("demo", "dorothy")) }, soon, history.Renamed,
			func(absfake.Release) string { return `called "dorothy"` }, "run `shelfkeeper login` with the new name"},
		{"renamed, password stored", true, func(r *rig) { r.must(r.fake.Rename("demo", "dorothy")) }, soon, history.Renamed,
			func(absfake.Release) string { return `called "dorothy"` }, ""},
		{"signing key lost", false, func(r *rig) { r.fake.ChangeSecret() }, soon, history.ServerReplaced,
			func(absfake.Release) string { return "no longer takes anything it issued" }, "ask the server's admin whether it was set up anew; then run `shelfkeeper login`"},
		{"user deleted", true, func(r *rig) { r.must(r.fake.DeleteUser("demo")) }, soon, history.ServerReplaced,
			func(absfake.Release) string { return "this user was deleted" }, "ask the server's admin whether it was set up anew; then run `shelfkeeper login`"},
		{"gateway", false, func(r *rig) {
			r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Path: "/auth/refresh", Status: 401, ContentType: "application/json", Body: `{"error":"No refresh token provided"}`})
		}, soon, history.Gateway, func(absfake.Release) string { return "renewals worked until" }, "let the reverse proxy pass x-refresh-token through"},
		{"a copy renews it", false, func(r *rig) {
			rec, err := r.vault.Load(r.Context(), "home")
			r.must(err)
			conn := r.up.Private()
			defer conn.Close()
			_, err = absapi.New(conn, r.up.Base()).Refresh(r.Context(), rec.Refresh)
			r.must(err)
		}, soon, history.Cause("either"), func(rel absfake.Release) string { return "copy of this vault" }, ""},
		{"machine off", false, func(r *rig) {
			r.s.Close()
			time.Sleep(6 * time.Hour)
			r.start()
		}, time.Minute, history.RanOut, func(absfake.Release) string { return "this machine was off" }, "run `shelfkeeper login`"},
		{"server away", false, func(r *rig) {
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
			time.Sleep(6 * time.Hour)
			stop()
		}, 2 * time.Minute, history.RanOut, func(absfake.Release) string { return "the server could not be asked" }, "run `shelfkeeper login`"},
		{"ended in the middle", false, func(r *rig) {
			// What a crash leaves behind: the intent, and a server that rotated.
			r.s.Close()
			r.edit(func(rec *keychain.Record) {
				rec.Intent = &keychain.Intent{Since: time.Now(), Attempt: 1}
				conn := r.up.Private()
				defer conn.Close()
				if _, err := absapi.New(conn, r.up.Base()).Refresh(r.Context(), rec.Refresh); err != nil {
					r.Fatal(err)
				}
			})
			time.Sleep(15 * time.Minute)
			r.start()
		}, time.Minute, history.Interrupted, func(absfake.Release) string { return "stopped in the middle of a renewal" }, "run `shelfkeeper login`"},
		{"vault restored", false, func(r *rig) {
			old, err := r.vault.Load(r.Context(), "home")
			r.must(err)
			time.Sleep(3 * time.Hour)
			r.s.Close()
			r.must(r.vault.Close())
			r.vault, err = keychain.Open(r.Context(), keychain.Options{Backend: keychain.Memory})
			r.must(err)
			r.must(r.vault.Commit(r.Context(), old))
			r.start()
		}, time.Minute, history.VaultRestored, func(absfake.Release) string { return "the vault was restored from a backup" }, "run `shelfkeeper login`; let each machine sign in for itself"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			eachRelease(t, func(t *testing.T, release absfake.Release) {
				c := c
				lossRig(t, release, c.password, func(r *rig) {
					time.Sleep(50 * time.Minute) // one rotation that works
					c.act(r)
					loss, view := r.lost(c.after)
					if c.cause == "either" { // the list of sessions tells, where there is one
						c.cause, c.remedy = history.Elsewhere, "run `shelfkeeper login`"
						if after236(release) {
							c.cause, c.remedy = history.UsedElsewhere, "end that copy, then run `shelfkeeper login`"
						}
					}
					if loss.Cause != string(c.cause) || !strings.Contains(loss.Sentence, c.says(release)) || loss.Remedy != c.remedy {
						t.Errorf("cause %q, remedy %q\n%s\n%+v", loss.Cause, loss.Remedy, loss.Sentence, r.s.History.Entries())
					}
					if loss.Recovered != (c.remedy == "") {
						t.Errorf("recovered: %v", loss.Recovered)
					}
					if c.remedy != "" && (view.Level != health.NeedsUser || !strings.HasSuffix(view.Reason, loss.Sentence) || view.Remedy != loss.Remedy) {
						t.Errorf("shown: %+v", view)
					}
					if n := strings.Count(r.log.String(), "session lost"); n < 1 || n > 2 {
						t.Errorf("it is logged %d times\n%s", n, r.log)
					}
					time.Sleep(45 * time.Minute) // the access token has ended, too
					var u *Unavailable
					if _, err := r.s.Token(r.Context()); c.remedy != "" && (!errors.As(err, &u) || u.Remedy() != c.remedy) {
						t.Errorf("a player is told %v", err)
					}
				})
			})
		})
	}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// Two accounts of one user, signed in in one second. Up to 2.35.0 they hold the
// same token, and the end of the one is the end of the other; from 2.35.1 on
// they do not.
func TestCollisionIsTold(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		lossRig(t, release, false, func(r *rig) {
			r.s.Close()
			other, err := history.Open(r.Context(), "")
			r.must(err)
			r.peers = func() []history.Peer {
				return []history.Peer{{Account: "attic", SameUser: true, Entries: other.Entries()}}
			}
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
			for account, log := range map[string]*history.Log{"attic": other, "home": r.history} {
				conn := r.up.Private()
				_, err := SignIn{Account: account, Server: r.up.Base().String(), Means: ByPassword{Username: "demo", Password: redactDemo},
					Vault: r.vault, Budget: r.budget, Client: absapi.New(conn, r.up.Base()), History: func(string) *history.Log { return log }}.Do(r.Context())
				r.must(err)
				conn.Close()
			}
			r.start()
			rec, err := r.vault.Load(r.Context(), "attic")
			r.must(err)
			conn := r.up.Private()
			defer conn.Close()
			r.must(Logout(r.Context(), absapi.New(conn, r.up.Base()), rec.Refresh))
			time.Sleep(soon)
			if !absapi.CollidesInSecond(string(release)) {
				r.mustToken()
				if st := r.snapshot(); st.Refreshes != 1 {
					t.Errorf("got %+v", st)
				}
				return
			}
			loss, _ := r.lost(0)
			if loss.Cause != string(history.Collision) || !loss.Certain || !strings.Contains(loss.Sentence, "the account attic got the same token in the same second") {
				t.Errorf("got %+v", loss)
			}
		})
	})
}

// A new pair that no disk takes is lost with the process.
func TestUnwrittenPairIsTold(t *testing.T) {
	lossRig(t, absfake.R2332, false, func(r *rig) {
		r.s.Close()
		r.s = New(Config{Account: "home", Base: r.up.Base(), ServerVersion: "2.33.2", Vault: fullDisk{r.vault},
			Connect: func() Conn { return r.up.Private() }, Budget: r.budget, Board: r.board, Log: r.s.Log, History: r.history})
		r.s.Start()
		time.Sleep(55 * time.Minute)
		r.s.Close()
		r.start()
		loss, view := r.lost(time.Minute)
		if loss.Cause != string(history.DiskFull) || !strings.Contains(loss.Sentence, "no space left") || view.Remedy != "free some space, then run `shelfkeeper login`" {
			t.Errorf("got %+v\n%+v", loss, r.s.History.Entries())
		}
	})
}

// fullDisk takes intents, which replace what is there, and no new pair.
type fullDisk struct{ *keychain.Vault }

func (f fullDisk) Commit(ctx context.Context, rec keychain.Record) error {
	if rec.Intent == nil {
		return errors.New("no space left")
	}
	return f.Vault.Commit(ctx, rec)
}

// Nobody asks for a token, and the next attempt is far away: that the token has
// ended meanwhile shows nevertheless, for one wake-up.
func TestLevelFollowsTheTokenOfAnIdleAccount(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: 30 * time.Minute, LimiterMax: 2, LimiterWindow: 3 * time.Hour}, func(r *rig) {
		time.Sleep(28 * time.Minute)
		if v := r.level(); v.Condition != health.RenewalDelayed.ID {
			t.Fatalf("before its end: %+v\n%s", v, r.log)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if v := r.level(); v.Condition != health.RateLimited.ID || v.Level != health.Offline {
			t.Errorf("after its end: %+v\n%s", v, r.log)
		}
	})
}

func TestTurnsAt(t *testing.T) {
	weather := &absapi.Error{Verdict: absapi.RateLimited}
	base := State{Phase: Fresh, Published: 1, Usable: noon.Add(time.Hour), UsableAtMost: noon.Add(2 * time.Hour)}
	base.Pair.Access.Secret = jwtOf("access", "1", noon, time.Hour)
	for _, c := range []struct {
		desc   string
		change func(*State)
		want   time.Time
	}{
		{"all is well", func(*State) {}, time.Time{}},
		{"weather", func(s *State) { s.Weather = weather }, noon.Add(time.Hour)},
		{"disk", func(s *State) { s.Trouble = errors.New("full") }, noon.Add(time.Hour)},
		{"by the other clock first", func(s *State) { s.Weather, s.UsableAtMost = weather, noon.Add(time.Minute) }, noon.Add(time.Minute)},
		{"over already", func(s *State) { s.Weather, s.Usable = weather, noon.Add(-time.Minute) }, time.Time{}},
		{"breaker", func(s *State) { s.BrokenUntil = noon.Add(time.Minute) }, noon.Add(time.Minute)},
		{"static", func(s *State) { s.Phase, s.Weather = Static, weather }, time.Time{}},
	} {
		s := base
		c.change(&s)
		at := s.turnsAt(noon)
		if !at.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.desc, at, c.want)
		}
		if !at.IsZero() && s.turnsAt(at).Equal(at) {
			t.Errorf("%s: it would spin", c.desc)
		}
	}
}

// logText is a log that a test may read while the session writes it.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
