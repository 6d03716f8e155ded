package session

import (
	"errors"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/keychain"
)

// Each cause, played by the server, is told from the others.
const anew = "if you are away from the server's own network, wait: the session goes on when you are back. " +
	"If you are sure that it is your server, run `shelfkeeper reauth --same-server`, or `shelfkeeper login` where no password is stored"

// deleted is what helps once the user's own server has refused the password as well.
const deleted = "if you are away from the server's own network, wait: the session goes on when you are back. " +
	"If the server's admin says that it was set up anew, run `shelfkeeper login`"

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
			time.Sleep(dueAfter + 15*time.Minute)
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
			time.Sleep(dueAfter + 15*time.Minute)
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
			func(absfake.Release) string { return "no longer accepts the tokens that it issued" }, anew},
		{"user deleted", true, func(r *rig) {
			r.must(r.fake.DeleteUser("demo"))
			time.Sleep(soon)
			_ = r.s.Reauthenticate(r.Context(), false) // the user's word that the password may be sent
		}, time.Minute, history.ServerReplaced,
			func(absfake.Release) string { return "this user was deleted" }, anew},
		{"gateway", false, func(r *rig) {
			r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Path: "/auth/refresh", Status: 401,
				ContentType: "application/json", Body: `{"error":"No refresh token provided"}`})
		}, soon, history.Gateway, func(absfake.Release) string { return "renewals worked until" },
			health.PassHeader("x-refresh-token")},
		{"a copy renews it", false, func(r *rig) {
			rec, err := r.vault.Load(r.Context(), r.account)
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
		}, time.Minute, history.Interrupted, func(absfake.Release) string { return "stopped in the middle of a renewal" },
			"run `shelfkeeper login`"},
		{"vault restored", false, func(r *rig) {
			old, err := r.vault.Load(r.Context(), r.account)
			r.must(err)
			time.Sleep(3 * time.Hour)
			r.s.Close()
			r.must(r.vault.Close())
			r.vault, err = keychain.Open(r.Context(), keychain.Options{Backend: keychain.Memory})
			r.must(err)
			r.must(r.vault.Commit(r.Context(), old))
			r.start()
		}, time.Minute, history.VaultRestored, func(absfake.Release) string { return "the vault was restored from a backup" },
			"run `shelfkeeper login`; let each machine sign in for itself"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			eachRelease(t, func(t *testing.T, release absfake.Release) {
				c := c
				lossRig(t, release, c.password, func(r *rig) {
					time.Sleep(dueAfter + 2*time.Minute) // one rotation that works
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
					if c.desc == "user deleted" { // its own server has told so by the signature
						c.remedy = deleted
					}
					if _, err := r.s.Token(r.Context()); c.remedy != "" && (!errors.As(err, &u) || u.Remedy() != c.remedy) {
						t.Errorf("a player is told %v", err)
					}
				})
			})
		})
	}
}
