package progress

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// kinds of temporary failures.
var kinds = []struct {
	desc  string
	fault absfake.Fault
}{
	{"refused", absfake.Fault{Kind: absfake.Refuse}},
	{"cut before it was handled", absfake.Fault{Kind: absfake.Restart}},
	{"the answer is lost", absfake.Fault{Kind: absfake.LoseAnswer}},
	{"cut in the answer", absfake.Fault{Kind: absfake.CutBytes, Bytes: 1}},
	{"a gateway's 502", absfake.Fault{Kind: absfake.Answer, Status: 502}},
	{"a gateway's 504, handled", absfake.Fault{Kind: absfake.Answer, Status: 504, Handled: true}},
	{"a gateway's 404", absfake.Fault{
		Kind: absfake.Answer, Status: 404, Body: "404 page not found\n", ContentType: "text/plain; charset=utf-8",
	}},
	{"a portal's page", absfake.Fault{Kind: absfake.Portal}},
	{"a redirect", absfake.Fault{Kind: absfake.Redirect}},
	{"stalled", absfake.Fault{Kind: absfake.Stall, After: time.Minute}},
	{"restarted after it was handled", absfake.Fault{Kind: absfake.Restart, Handled: true}},
}

// Every kind of failure, on every release, for a book and for an episode: the
// player is told that all is well, and it is.
func TestOutages(t *testing.T) {
	for _, release := range absfake.RotatingReleases() {
		for _, k := range kinds {
			t.Run(fmt.Sprintf("%s/%s", release, k.desc), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, release)
					podcast := r.fake.Podcasts().Items[0]
					episode := podcast.ID + "/" + podcast.Episodes[0].ID
					for i, at := range []struct{ play, item string }{
						{r.book() + "/play", r.book()}, {podcast.ID + "/play/" + podcast.Episodes[0].ID, episode},
					} {
						id := r.play(at.play, fmt.Sprint("d", i))
						if a := r.sync(id, 10, 10); a.Status != 200 || a.Kept || string(a.Body) != "OK" {
							t.Fatalf("server at hand: %+v", a)
						}
						fault := k.fault
						fault.Path, fault.Times = "/api/session/*", 3
						end := r.fake.Inject(fault)
						for n := range 3 {
							r.after(10 * time.Second)
							position := float64(20 + 10*n)
							if a := r.sync(id, 10.5, position); a.Status != 200 || string(a.Body) != "OK" {
								t.Fatalf("outage: %+v", a)
							}
						}
						end()
						r.settled()
						if got := r.sum(id); got != 41.5 {
							t.Errorf("%s: the server counts %v s, want 41.5", at.item, got)
						}
						if p := r.at(at.item); *p.CurrentTime != 40 {
							t.Errorf("%s: at %v, want 40", at.item, *p.CurrentTime)
						}
						r.after(10 * time.Second)
						a := r.take(Report{Kind: End, Session: id, Body: []byte(`{"currentTime":50,"timeListened":5}`)})
						if a.Status != 200 {
							t.Errorf("end: %+v", a)
						}
						r.settled()
						if got := r.sum(id); got != 46.5 {
							t.Errorf("%s: after its end the server counts %v s, want 46.5", at.item, got)
						}
					}
					if s := r.j.Status(); s.SetAside != 0 || s.WriteError != nil {
						t.Errorf("%+v", s)
					}
				})
			})
		}
	}
}

// What the server says itself reaches the player unchanged.
func TestRefusalsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		for _, c := range []struct {
			report Report
			status int
			body   string
		}{
			{Report{Kind: Sync, Session: "nonsense", Body: []byte(`{"currentTime":1,"timeListened":1}`)}, 404, "Not Found"},
			{Report{Kind: End, Session: "nonsense"}, 404, "Not Found"},
			{Report{Kind: Patch, Item: "nonsense", Body: []byte(`{"progress":0.5}`)}, 404, "Library item not found"},
			{Report{Kind: Local, Body: []byte(`{"id":"x","libraryItemId":"nonsense"}`)}, 500, "Media item not found"},
		} {
			a := r.take(c.report)
			if a.Status != c.status || string(a.Body) != c.body || a.Kept {
				t.Errorf("%+v: %+v %s", c.report, a, a.Body)
			}
		}
		id := r.play(r.book()+"/play", "d")
		r.sync(id, 1, 1)
		r.take(Report{Kind: End, Session: id})
		if a := r.sync(id, 1, 1); a.Status != http.StatusNotFound {
			t.Errorf("after its end: %+v", a)
		}
		if s := r.j.Status(); s.Waiting != 0 || s.SetAside != 0 {
			t.Errorf("%+v", s)
		}
	})
}
