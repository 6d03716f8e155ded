package progress

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// by is a report about a book of the double's library.
func (r *rig) by(caller string, item int, position float64) {
	r.t.Helper()
	body := fmt.Sprintf(`{"currentTime":%g,"duration":5000}`, position)
	id := r.fake.Library().Items[item].ID
	if a := r.take(Report{Kind: Patch, Caller: caller, Item: id, Body: []byte(body)}); !a.Kept {
		r.t.Fatalf("%+v", a)
	}
}

// place waits until the server has a book at a position, and returns how long it
// took.
func (r *rig) place(item int, position float64, within time.Duration) time.Duration {
	r.t.Helper()
	id, began := r.fake.Library().Items[item].ID, time.Now()
	for time.Since(began) < within {
		if p := r.direct("GET", "/api/me/progress/"+id, "", 0); string(p) != "Not Found" {
			if is := r.at(id); is.CurrentTime != nil && *is.CurrentTime == position {
				return time.Since(began)
			}
		}
		r.after(100 * time.Millisecond)
	}
	r.t.Errorf("book %d is not at %v after %v", item, position, within)
	return within
}

func unknownItem(i int) string { return fmt.Sprintf("unknown-%05d", i) }

// A caller's 20,000 reports about items that the server does not know delay neither
// another caller's report, nor a session's, nor its own about an item that is there.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		r.latency = 25 * time.Millisecond
		up := r.down()
		flood := batchOfItems(20_000, unknownItem, `,"currentTime":5`)
		if a := r.take(Report{Kind: Batch, Caller: "mad", Body: flood}); !a.Kept {
			t.Fatalf("%+v", a)
		}
		r.by("calm", 3, 7)
		session := listened(Sync, id, 10, 10)
		session.Caller = "third"
		r.take(session)
		up()
		r.j.Wake()
		r.j.AwaitDelivery(t.Context())
		if p := r.at(r.fake.Library().Items[3].ID); p.CurrentTime == nil || *p.CurrentTime != 7 {
			t.Errorf("a question for the place finds %+v", p)
		}
		t.Logf("another caller's report: %v", r.place(3, 7, 10*time.Second))
		for began := time.Now(); r.sum(id) != 10; r.after(100 * time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("a session's report waits: %v s counted", r.sum(id))
			}
		}
		r.after(15 * time.Second) // every report of the flood has failed once
		r.by("mad", 4, 8)
		t.Logf("its own: %v", r.place(4, 8, 10*time.Second))
		r.by("calm", 5, 9)
		t.Logf("a later one: %v", r.place(5, 9, 10*time.Second))
		for _, when := range []string{"before", "after"} { // a new report of its own
			began := time.Now()
			r.j.AwaitDelivery(t.Context())
			if took := time.Since(began); took > time.Second {
				t.Errorf("a question for the place waits %v, %s", took, when)
			}
			r.by("calm", 6, 10)
		}
		r.j.AwaitDelivery(t.Context())
		if p := r.at(r.fake.Library().Items[6].ID); *p.CurrentTime != 10 {
			t.Errorf("a question does not wait for a report of a moment ago: %+v", p)
		}
		if n := r.j.Status().Waiting; n < 10_000 {
			t.Errorf("%d reports of the flood wait", n)
		}
	})
}

// Turns do not change the order of the reports about one item, whoever sent them.
func TestOrderOfAnItemAcrossCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		r.latency = 25 * time.Millisecond
		up := r.down()
		if a := r.take(Report{Kind: Batch, Caller: "mad", Body: batchOfItems(400, unknownItem, `,"currentTime":5`)}); !a.Kept {
			t.Fatalf("%+v", a)
		}
		item := r.fake.Library().Items[3].ID
		patch := func(caller, body string) {
			if a := r.take(Report{Kind: Patch, Caller: caller, Item: item, Body: []byte(body)}); !a.Kept {
				t.Fatalf("%+v", a)
			}
			r.after(time.Second)
		}
		patch("mad", `{"currentTime":40,"duration":5000,"ebookLocation":"x"}`)
		patch("calm", `{"currentTime":50,"duration":5000}`)
		cycle, _ := r.j.cycle(newRound())
		for _, w := range cycle {
			if w.by().name != "mad" {
				t.Errorf("it is the turn of %q, before the older update of the item", w.by().name)
			}
		}
		up()
		r.settled()
		if p := r.at(item); *p.CurrentTime != 50 {
			t.Errorf("at %v", *p.CurrentTime)
		}
	})
}

// A report that something before the server never lets through delays no other:
// of nobody else, and not of its own caller.
func TestReportWithoutAnAnswer(t *testing.T) {
	for _, c := range []struct {
		second string // that reports n times
		n      int
		path   string // that is refused as well
	}{
		{"same", 5, ""}, {"other", 5, ""}, {"same", 8, "/api/me/progress/batch"}, {"other", 8, "/api/me/progress/batch"},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, absfake.Newest)
				items := r.fake.Library().Items
				up := r.down()
				r.by("same", 1, 5)
				for i := range c.n {
					r.by(c.second, 2+i, 6)
				}
				stop := r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 403, Path: "/api/me/progress/" + items[1].ID})
				if c.path != "" {
					r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 403, Path: c.path})
				}
				up()
				r.j.Wake()
				for i := range c.n {
					r.place(2+i, 6, 5*time.Minute)
				}
				if n := r.j.Status().Waiting; n != 1 {
					t.Errorf("%d wait", n)
				}
				stop()
				r.settled()
				if p := r.at(items[1].ID); *p.CurrentTime != 5 {
					t.Errorf("%+v", p)
				}
			})
		})
	}
}
