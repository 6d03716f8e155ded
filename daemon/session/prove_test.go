package session

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// asked counts the server's requests at the path, faulty ones too.
func (r *rig) asked(path string) (n int) {
	for _, e := range r.fake.Ledger().Entries() {
		if e.Path == path {
			n++
		}
	}
	return n
}

// One ping tells that the server answers in a network. The next caller is spared his
// own, and one whose renewal fails is not.
func TestOnePingANetwork(t *testing.T) {
	withRig(t, absfake.Config{Release: absfake.R2360, AccessTTL: time.Hour}, func(r *rig) {
		var served atomic.Bool
		r.serve(&served, asItIs)
		synctest.Wait()
		time.Sleep(2 * time.Hour)
		before := r.asked("/ping")
		r.mustToken()
		if n := r.asked("/ping") - before; n != 0 {
			t.Errorf("%d pings before a renewal in a known network", n)
		}
		for range 3 {
			r.s.Wake("route changed")
			time.Sleep(time.Second)
		}
		if n := r.asked("/ping") - before; n != 3 {
			t.Errorf("%d pings for three networks", n)
		}
		time.Sleep(2 * time.Hour)
		clear := r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: http.StatusBadGateway})
		r.s.Wake("route changed")
		time.Sleep(5 * time.Minute)
		if n := r.asked("/ping") - before; n != 3+len(provePauses) {
			t.Errorf("%d pings in a network without the server", n-3)
		}
		before, refreshes := r.asked("/ping"), r.asked("/auth/refresh")
		clear()
		r.mustToken()
		if n := r.asked("/ping") - before; n != 1 || r.asked("/auth/refresh") != refreshes+1 {
			t.Errorf("%d pings and %d refreshes in an unknown network", r.asked("/ping")-before, r.asked("/auth/refresh")-refreshes)
		}
	})
}

// The server is gone although it has answered here: one request is presented in vain,
// and from then on pings look for it.
func TestAKnownServerThatIsGone(t *testing.T) {
	for _, release := range []absfake.Release{absfake.R2332, absfake.R2360} {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			var served atomic.Bool
			r.serve(&served, asItIs)
			time.Sleep(2 * time.Hour)
			clear := r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: http.StatusBadGateway})
			refreshes := r.asked("/auth/refresh")
			for range 20 {
				ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
				_, err := r.s.Token(ctx)
				if cancel(); err == nil {
					t.Fatal("a token out of nowhere")
				}
				time.Sleep(10 * time.Second)
			}
			if n := r.asked("/auth/refresh") - refreshes; n != 1 {
				t.Errorf("%s: %d requests that the limiter counts", release, n)
			}
			clear()
			r.mustToken()
			if n := len(r.fake.Ledger().Rotations("demo")); n != 1 {
				t.Errorf("%s: %d renewals", release, n)
			}
		})
	}
}
