package session

import (
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/upstream"
)

// roam gives the session a second server at the same address, as in another
// network, and returns how to go there and back.
func (r *rig) roam(release absfake.Release) (foreign *absfake.Server, away func(bool)) {
	foreign, move := r.moves(release)
	return foreign, func(abroad bool) {
		move(abroad)
		r.s.Wake("network")
	}
}

// moves is roam without an event of the network.
func (r *rig) moves(release absfake.Release) (foreign *absfake.Server, away func(bool)) {
	r.Helper()
	foreign, err := absfake.New(absfake.Config{Release: release, AccessTTL: time.Hour})
	r.must(err)
	listener := foreign.Listen()
	served := make(chan error, 1)
	go func() { served <- foreign.Serve(listener) }()
	up, err := upstream.New(upstream.Policy{Base: r.up.Base(), Dial: listener.DialContext})
	r.must(err)
	r.Cleanup(func() {
		up.Close()
		r.must(foreign.Close())
		<-served
	})
	r.s.Close()
	var abroad atomic.Bool
	r.startWith(func(c *Config) {
		home := c.Connect
		c.Connect = func() Conn {
			if abroad.Load() {
				return up.Private()
			}
			return home()
		}
	})
	return foreign, abroad.Store
}

// The account's own server has its address again, and nothing in the network of
// this machine tells it. A player that waits has its session back within minutes.
func TestOwnServerIsBackUnnoticed(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour, RefreshTTL: 30 * 24 * time.Hour}, func(r *rig) {
		foreign, away := r.moves(absfake.R2360)
		time.Sleep(30 * time.Minute)
		away(true)
		time.Sleep(31 * time.Minute)
		if v := r.level(); v.Condition != health.ServerUnrecognised.ID {
			t.Fatalf("level abroad: %+v", v)
		}
		away(false)
		for range 6 {
			time.Sleep(time.Minute)
			_, _ = r.s.Token(r.Context())
		}
		r.mustToken()
		if n := len(foreign.Ledger().Logins("demo")) + r.fake.Ledger().PasswordLogins("demo"); n != 1 {
			t.Errorf("%d password logins\n%s", n, r.log)
		}
	})
}

// Another Audiobookshelf has the same address in another network. It gets the
// refresh token, which is no use to it, and no password; at home the session
// goes on as if nothing had been.
func TestAnotherServerAtTheSameAddress(t *testing.T) {
	for _, c := range []struct {
		desc    string
		release absfake.Release
		away    time.Duration // when it goes there
		stays   time.Duration
		valid   bool // the access token is valid when the foreign server is met
	}{
		{"over a renewal", absfake.R2360, 30 * time.Minute, 25 * time.Minute, true},
		{"for a day", absfake.R2360, 30 * time.Minute, 24 * time.Hour, true},
		{"met after a night", absfake.R2360, 30 * time.Minute, 24 * time.Hour, false},
		{"an older release, met after a night", absfake.R2350, 30 * time.Minute, 24 * time.Hour, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			withRig(t, absfake.Config{AccessTTL: time.Hour, RefreshTTL: 30 * 24 * time.Hour}, func(r *rig) {
				foreign, away := r.roam(c.release)
				time.Sleep(c.away)
				if !c.valid {
					stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
					time.Sleep(8 * time.Hour)
					stop()
				}
				away(true)
				for range int(c.stays / (10 * time.Minute)) {
					time.Sleep(10 * time.Minute)
					_, _ = r.s.Token(r.Context())
				}
				time.Sleep(10 * time.Minute)
				if n := len(foreign.Ledger().Logins("demo")); n != 0 {
					t.Fatalf("the foreign server got %d passwords\n%s", n, r.log)
				}
				if v := r.level(); v.Condition != health.ServerUnrecognised.ID || v.Remedy == "" {
					t.Errorf("level abroad: %+v", v)
				}
				away(false)
				time.Sleep(20 * time.Second)
				r.mustToken()
				if n := r.fake.Ledger().PasswordLogins("demo"); n != 1 {
					t.Errorf("%d password logins at home\n%s", n, r.log)
				}
				if v := r.level(); v.Level != health.OK {
					t.Errorf("level at home: %+v", v)
				}
				var a health.Account
				r.s.Fill(&a)
				if a.Loss != nil {
					t.Errorf("a loss is told of: %+v", a.Loss)
				}
			})
		})
	}
}
