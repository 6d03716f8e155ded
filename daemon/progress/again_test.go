package progress

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// What was set aside is listed, sent again, or deleted; numbers that are none are
// refused.
func TestSetAsideAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		other := r.fake.Library().Items[3].ID
		up := r.down()
		r.sync(id, 10, 10)
		r.patch(other, `{"currentTime":7,"duration":100}`)
		r.patch("unknown", `{"currentTime":7}`)
		r.take(Report{Kind: Local, Body: []byte(`{"id":"off","libraryItemId":"` + other + `","timeListening":9,"currentTime":3,"updatedAt":1}`)})
		if err := r.j.Close(); err != nil { // the machine is off
			t.Fatal(err)
		}
		r.after(tooOld + time.Hour)
		up()
		r.begin()
		r.settled()
		list := r.j.SetAside()
		if len(list) != 4 || !list[3].Retryable || list[3].Seconds != 10 || list[0].Item != other || !strings.Contains(list[2].Why, "30 days") {
			t.Fatalf("%+v", list)
		}
		if _, err := r.j.RetrySetAside(list[0].ID, 12345); !errors.Is(err, ErrNotSetAside) {
			t.Errorf("got %v", err)
		}
		if _, err := r.j.DropSetAside(12345); !errors.Is(err, ErrNotSetAside) {
			t.Errorf("got %v", err)
		}
		if n, err := r.j.RetrySetAside(list[0].ID, list[3].ID); n != 2 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		r.settled()
		if p := r.at(other); r.sum(id) != 10 || *p.CurrentTime != 7 || r.j.Status().SetAside != 2 {
			t.Errorf("%v s, at %v, %+v", r.sum(id), *p.CurrentTime, r.j.Status())
		}
		if n, err := r.j.RetrySetAside(); n != 2 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		r.settled()
		if s := r.j.Status(); s.SetAside != 1 || s.SetAsideReason != "Library item not found" || r.sum("off") != 9 {
			t.Errorf("%+v, %v s", s, r.sum("off"))
		}
		r.kill()
		if n, err := r.j.DropSetAside(); n != 1 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		r.kill()
		if s := r.j.Status(); s.SetAside != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A session that was counted after all is not counted once more.
func TestSetAsideAgainCountsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/api/session/*/sync", Times: 1})
		r.sync(id, 10, 10) // its answer is lost
		up := r.down()
		if err := r.j.Close(); err != nil {
			t.Fatal(err)
		}
		r.after(tooOld + time.Hour)
		up()
		r.begin()
		r.settled()
		if r.j.Status().SetAside != 1 || r.sum(id) != 10 {
			t.Fatalf("%+v, %v s", r.j.Status(), r.sum(id))
		}
		for _, restart := range []bool{false, true} {
			if restart {
				r.fake.Restart()
			}
			if n, err := r.j.RetrySetAside(); n > 1 || err != nil {
				t.Fatalf("%d %v", n, err)
			}
			r.settled()
			if r.sum(id) != 10 {
				t.Errorf("%v s, want 10", r.sum(id))
			}
		}
	})
}
