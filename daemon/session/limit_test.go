package session

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
)

// The server says 429 in the middle of a rotation, because others of the house
// have emptied the bucket: the token waits with its intent, no password is
// sent, and the server's other accounts do not ask either.
func TestLimitInTheMiddleOfARotation(t *testing.T) {
	for _, limit := range []int{10, 40} {
		withRig(t, absfake.Config{AccessTTL: time.Hour, LimiterMax: limit}, func(r *rig) {
			time.Sleep(dueAfter - time.Minute)
			before := len(r.fake.Ledger().Rotations("demo"))
			for range limit { // another program at our address
				conn := r.up.Private()
				if _, err := absapi.New(conn, r.up.Base()).Refresh(r.Context(), redact.New("x.y.z")); err == nil {
					t.Fatal("nonsense was taken")
				}
				conn.Close()
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if rec, err := r.vault.Load(r.Context(), "home"); err != nil || rec.Intent == nil {
				t.Errorf("the intent is not kept: %v", err)
			}
			if wait := r.budget.Wait(time.Now()); wait < time.Minute {
				t.Errorf("another account waits %v", wait)
			}
			counted := r.fake.Ledger().MaxAuthIn(10 * time.Minute)
			time.Sleep(5 * time.Minute)
			if now := r.fake.Ledger().MaxAuthIn(10 * time.Minute); now != counted {
				t.Errorf("limit %d: %d more were asked", limit, now-counted)
			}
			time.Sleep(10 * time.Minute)
			r.mustToken()
			if st := r.snapshot(); st.PasswordLogins != 0 || len(r.fake.Ledger().Rotations("demo")) != before+1 {
				t.Errorf("got %+v", st)
			}
		})
	}
}
