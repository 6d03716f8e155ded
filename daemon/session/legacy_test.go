package session

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// A server older than 2.26 refuses its token without an end, after its secret
// was changed: the stored password brings the next one, once. Without TLS it takes
// the user's word that it is the same server.
func TestLegacyTokenComesBack(t *testing.T) {
	withRig(t, absfake.Config{Release: "2.25.1"}, func(r *rig) {
		old := r.mustToken()
		r.fake.ChangeSecret()
		if err := r.fake.Rename("demo", "demo"); err != nil { // signs the user's token anew
			r.Fatal(err)
		}
		if _, err := r.s.Suspect(r.Context(), old); err != nil && r.snapshot().State != "static" {
			r.Fatalf("at the first 401: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if v, st := r.level(), r.snapshot(); v.Condition != health.ServerUnrecognised.ID || st.PasswordLogins != 0 {
			r.Errorf("before the user's word: %+v, %+v", v, st)
		}
		r.must(r.s.Reauthenticate(r.Context(), true))
		if fresh := r.mustToken(); fresh == old {
			r.Error("the same token")
		}
		if st := r.snapshot(); st.PasswordLogins != 1 || st.State != "static" {
			r.Errorf("got %+v\n%s", st, r.log)
		}
		if v := r.level(); v.Level != health.OK {
			r.Errorf("level %+v", v)
		}
		// The server hands out the refused token again: once is enough.
		r.fake.ChangeSecret()
		_, _ = r.s.Suspect(r.Context(), r.record().Static)
		time.Sleep(10 * time.Second)
		_ = r.s.Reauthenticate(r.Context(), true)
		time.Sleep(3 * time.Hour)
		if st := r.snapshot(); st.PasswordLogins != 2 {
			r.Errorf("%d password logins\n%s", st.PasswordLogins, r.log)
		}
		if v := r.level(); v.Condition != health.TokenRefused.ID {
			r.Errorf("level %+v", v)
		}
		// The same with another password: it is tried once.
		if err := r.fake.Rename("demo", "demo"); err != nil {
			r.Fatal(err)
		}
		time.Sleep(time.Hour)
		r.signIn("demo")
		r.s.Reload()
		synctest.Wait()
		r.mustToken()
		if err := r.fake.SetPassword("demo", "changed"); err != nil {
			r.Fatal(err)
		}
		r.fake.ChangeSecret()
		_, _ = r.s.Suspect(r.Context(), r.record().Static)
		time.Sleep(10 * time.Second)
		_ = r.s.Reauthenticate(r.Context(), true)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		bad := 0
		for _, l := range r.fake.Ledger().Logins("demo") {
			if !l.OK {
				bad++
			}
		}
		if v := r.level(); bad != 1 || v.Level != health.NeedsUser {
			r.Errorf("%d refused logins, level %+v\n%s", bad, v, r.log)
		}
	})
}
