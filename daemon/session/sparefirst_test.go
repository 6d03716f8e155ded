package session

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// idleOvernight starts the session anew for nobody, and lets its access token end.
func (r *rig) idleOvernight() {
	r.serve(&atomic.Bool{}, asItIs)
	time.Sleep(8 * time.Hour)
}

// rotatesUnseen has the server replace the refresh token, without us hearing of it.
func (r *rig) rotatesUnseen() {
	r.Helper()
	conn := r.up.Private()
	defer conn.Close()
	if _, err := absapi.New(conn, r.up.Base()).Refresh(r.Context(), r.record().Refresh); err != nil {
		r.Fatal(err)
	}
	time.Sleep(2 * time.Minute) // longer than the grace window of 2.35
}

// lossTold is why the session was lost, as status tells it.
func (r *rig) lossTold() string {
	var a health.Account
	if r.s.Fill(&a); a.Loss == nil {
		return ""
	}
	return a.Loss.Sentence
}

// The smallest share of a limit has four requests: two refusals, the spare, and the
// spare once more where its answer is lost. The question whose server this is would
// be one too many, and a minute later the server has forgotten the answer.
func TestSpareIsPresentedBeforeTheExpiredTokenIsAskedAbout(t *testing.T) {
	for _, release := range []absfake.Release{absfake.R2350, absfake.R2351, absfake.R2360} {
		withSpare(t, absfake.Config{Release: release, AccessTTL: time.Hour, LimiterMax: 10, Grace: time.Minute}, func(r *rig) {
			logins := len(r.fake.Ledger().Logins("demo"))
			r.idleOvernight()
			r.rotatesUnseen()
			before := r.asked("/auth/refresh")
			r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Skip: 2, Times: 1})
			r.mustToken()
			if n := r.asked("/auth/refresh") - before; n != 4 {
				t.Errorf("%s: %d requests that the limiter counts", release, n)
			}
			if n := len(r.fake.Ledger().Logins("demo")); n != logins || !r.record().Spare.IsEmpty() {
				t.Errorf("%s: %d sign-ins", release, n-logins)
			}
		})
	}
}

// Another Audiobookshelf at the same address refuses the spare as well. That costs
// none of the account's sessions, whether the pair or the spare is due there.
func TestSpareAtAnotherServer(t *testing.T) {
	for _, c := range []struct {
		desc string
		life time.Duration // of access tokens
		goes time.Duration // after the sign-in
		out  time.Duration // and after so long without a server
	}{
		{"the pair is due", time.Hour, 30 * time.Minute, 0},
		{"the pair has ended", time.Hour, 30 * time.Minute, 8 * time.Hour},
		{"the spare is due, and the pair hours later", 12 * time.Hour, 15*24*time.Hour - 30*time.Minute, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			withSpare(t, absfake.Config{AccessTTL: c.life, RefreshTTL: 30 * 24 * time.Hour}, func(r *rig) {
				foreign, away := r.roam(absfake.R2360)
				time.Sleep(c.goes)
				stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
				time.Sleep(c.out)
				stop()
				away(true)
				for minute := range 12 * 60 {
					time.Sleep(time.Minute)
					if s := r.lossTold(); s != "" && !strings.Contains(s, "another server answers") {
						t.Fatalf("after %d min a loss is told of: %s", minute+1, s)
					}
					if minute%10 == 9 {
						_, _ = r.s.Token(r.Context())
					}
				}
				if v := r.level(); v.Condition != health.ServerUnrecognised.ID {
					t.Errorf("level abroad: %+v\n%s", v, r.log)
				}
				if n := len(r.record().Spares()); n != 1 {
					t.Fatalf("%d spares are left\n%s", n, r.log)
				}
				if n := len(foreign.Ledger().Logins("demo")); n != 0 {
					t.Errorf("%d sign-ins abroad", n)
				}
				away(false)
				time.Sleep(time.Minute)
				r.mustToken()
				if v := r.level(); v.Level != health.OK || len(r.record().Spares()) != 1 {
					t.Errorf("at home: %+v, %d spares\n%s", v, len(r.record().Spares()), r.log)
				}
				if s := r.lossTold(); s != "" {
					t.Errorf("a loss is told of: %s", s)
				}
				r.end(r.record().Refresh)
				time.Sleep(c.life + 10*time.Minute)
				r.mustToken() // by the spare, which is alive
			})
		})
	}
}

// The process ends after the spare was presented to a stranger, and starts again
// there: the spare is not taken for dead.
func TestPromotionAtAnotherServerAfterARestart(t *testing.T) {
	withSpare(t, absfake.Config{AccessTTL: time.Hour, RefreshTTL: 30 * 24 * time.Hour}, func(r *rig) {
		_, away := r.roam(absfake.R2360)
		connect := r.s.Connect
		time.Sleep(30 * time.Minute)
		rec := r.record()
		away(true)
		time.Sleep(8 * time.Hour)
		r.s.Close()
		r.startWith(func(c *Config) { c.Connect = connect })
		for range 6 {
			time.Sleep(10 * time.Minute)
			_, _ = r.s.Token(r.Context())
		}
		if got := r.record(); got.Spare != rec.Spare || got.Refresh != rec.Refresh {
			t.Fatalf("a stranger's refusal changed the record\n%s", r.log)
		}
		away(false)
		time.Sleep(time.Minute)
		r.mustToken()
	})
}
