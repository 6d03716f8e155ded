package session

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
)

// listed are the ids of the user's sessions on the server.
func (r *rig) listed() (ids []string) {
	r.Helper()
	conn := r.up.Private()
	defer conn.Close()
	sessions, err := absapi.New(conn, r.up.Base()).Sessions(r.Context(), r.mustToken(), r.record().Refresh)
	if err != nil {
		r.Fatal(err)
	}
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	return ids
}

// A rotation is lost beyond its grace window: the password brings a new
// session, and the one that nobody can use any more is removed.
func TestOrphanIsRemoved(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		time.Sleep(time.Hour) // a first rotation, after which the id is known
		first := r.record().SessionID
		if first == "" {
			r.Fatalf("the session's id is not known\n%s", r.log)
		}
		r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 1})
		stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/auth/refresh"})
		time.Sleep(2 * time.Hour)
		stop()
		time.Sleep(12 * time.Minute) // the attempts in vain have their share of the limit
		r.mustToken()
		if got := r.snapshot().PasswordLogins; got != 1 {
			r.Fatalf("%d password logins\n%s", got, r.log)
		}
		rec := r.record()
		if rec.SessionID == "" || rec.SessionID == first || rec.Orphan != "" {
			r.Errorf("id %q, before %q, orphan %q", rec.SessionID, first, rec.Orphan)
		}
		if ids := r.listed(); len(ids) != 1 || ids[0] != rec.SessionID {
			r.Errorf("the server has %d sessions", len(ids))
		}
	})
}

// Other sessions of the user are nobody's orphans.
func TestOtherSessionsStay(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		if !r.signsIn(redact.New("demo")) {
			r.Fatal("no second session")
		}
		time.Sleep(time.Hour)
		r.end(r.record().Refresh)
		time.Sleep(2 * time.Hour)
		r.mustToken()
		if ids := r.listed(); len(ids) != 2 {
			r.Errorf("%d sessions, want ours and the other", len(ids))
		}
	})
}

// Whatever a record says, the session in use is nobody's orphan.
func TestOwnSessionIsNoOrphan(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		time.Sleep(time.Hour)
		rec := r.record()
		rec.Generation++
		rec.Orphan = rec.SessionID
		if err := r.vault.Commit(r.Context(), rec); err != nil {
			r.Fatal(err)
		}
		r.s.Reload()
		synctest.Wait()
		time.Sleep(3 * time.Hour)
		r.mustToken()
		if st := r.snapshot(); st.PasswordLogins != 0 || r.record().Orphan != "" {
			r.Errorf("%d password logins, orphan %q\n%s", st.PasswordLogins, r.record().Orphan, r.log)
		}
	})
}
