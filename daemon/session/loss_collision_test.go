package session

import (
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/signin"
)

// Two accounts of one user, signed in within one second by processes that do
// not know of each other. Up to 2.35.0 they hold the same token, and the end of
// the one is the end of the other; from 2.35.1 on they do not.
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
				_, err := signin.SignIn{Account: account, Server: r.up.Base().String(),
					Means: signin.ByPassword{Username: "demo", Password: redactDemo},
					Vault: r.vault, Budget: budget.New(""), Client: absapi.New(conn,
						r.up.Base()), History: func(string) *history.Log { return log }}.Do(r.Context())
				r.must(err)
				conn.Close()
			}
			r.start()
			rec, err := r.vault.Load(r.Context(), "attic")
			r.must(err)
			conn := r.up.Private()
			defer conn.Close()
			r.must(signin.Logout(r.Context(), absapi.New(conn, r.up.Base()), rec.Refresh))
			time.Sleep(soon)
			if !absapi.CollidesInSecond(string(release)) {
				r.mustToken()
				if st := r.snapshot(); st.Refreshes != 1 {
					t.Errorf("got %+v", st)
				}
				return
			}
			loss, _ := r.lost(0)
			if loss.Cause != string(history.Collision) || !loss.Certain || !strings.Contains(loss.Sentence,
				"the account attic got the same token in the same second") {
				t.Errorf("got %+v", loss)
			}
		})
	})
}
