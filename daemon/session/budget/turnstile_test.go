package budget

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
)

// A release whose tokens differ in any case waits for nobody, once it is known;
// and after a downgrade the turns are back.
func TestTurnsEndWithTheRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := New("")
		takes := func() time.Duration {
			t.Helper()
			began := time.Now()
			leave, err := budget.Turn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leave(true)
			return time.Since(began)
		}
		if first, second := takes(), takes(); first != 0 || second != absapi.CollisionGap {
			t.Errorf("an unknown release: %v, %v", first, second)
		}
		budget.Released(time.Now(), "2.36.0")
		if got := takes() + takes(); got != 0 {
			t.Errorf("a release with tokens of their own: %v", got)
		}
		budget.Released(time.Now(), "2.35.0")
		if got := takes() + takes(); got < absapi.CollisionGap {
			t.Errorf("after a downgrade: %v", got)
		}
		leave, err := budget.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := takes(); got < turnPatience || got > turnPatience+time.Second {
			t.Errorf("while another hangs: %v", got)
		}
		leave(false)
		time.Sleep(absapi.CollisionGap)
		leave, err = budget.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leave(false)
		if got := takes(); got != 0 {
			t.Errorf("after a refusal: %v", got)
		}
	})
}
