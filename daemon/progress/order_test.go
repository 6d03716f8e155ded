package progress

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

func (r *rig) patch(item, body string) Answer {
	r.t.Helper()
	return r.take(Report{Kind: Patch, Item: item, Body: []byte(body)})
}

// down makes the server unreachable for the journal.
func (r *rig) down() (up func()) {
	return r.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/api/*"})
}

// What another device has said since is newer than what waits here: the time
// counts, the place stays.
func TestNeverOlderOverNewer(t *testing.T) {
	for _, release := range absfake.RotatingReleases() {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", release, restarted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, release)
					id := r.play(r.book()+"/play", "d")
					other := r.fake.Library().Items[3].ID
					r.sync(id, 10, 10)
					up := r.down()
					r.after(10 * time.Second)
					if a := r.sync(id, 10, 20); !a.Kept {
						t.Fatalf("%+v", a)
					}
					r.patch(other, `{"currentTime":20,"duration":500}`)
					up2 := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/api/*"}) // until the phone is done
					up()
					r.after(10 * time.Second)
					up2()
					// The journal rests meanwhile; the phone is quicker.
					r.direct("PATCH", "/api/me/progress/"+r.book(), `{"currentTime":300}`, 200)
					r.direct("PATCH", "/api/me/progress/"+other, `{"currentTime":400,"duration":500}`, 200)
					phone := r.at(r.book()).LastUpdate
					if restarted {
						r.fake.Restart()
					}
					r.settled()
					if got := r.sum(id); got != 20 {
						t.Errorf("the server counts %v s, want 20", got)
					}
					if p := r.at(r.book()); *p.CurrentTime != 300 || p.LastUpdate != phone {
						t.Errorf("the book is at %v of %v, want 300 of %v", *p.CurrentTime, p.LastUpdate, phone)
					}
					if p := r.at(other); *p.CurrentTime != 400 {
						t.Errorf("the other book is at %v, want 400", *p.CurrentTime)
					}
				})
			})
		}
	}
}

// What was said while the server was away carries the time at which it was
// said, so that another device's later word, said offline too, still counts.
func TestCarriesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		r.sync(id, 10, 10)
		up := r.down()
		r.after(10 * time.Second)
		r.sync(id, 10, 20)
		said := time.Now().UnixMilli()
		r.after(time.Hour)
		up()
		r.settled()
		if p := r.at(r.book()); *p.CurrentTime != 20 || p.LastUpdate != said {
			t.Errorf("at %v of %v, want 20 of %v", *p.CurrentTime, p.LastUpdate, said)
		}
		r.after(time.Hour)
		local := fmt.Sprintf(`{"id":"l1","libraryItemId":%q,"currentTime":77,"timeListening":5,"updatedAt":%d}`, r.book(), said+1000)
		r.direct("POST", "/api/session/local", local, 200)
		if p := r.at(r.book()); *p.CurrentTime != 77 {
			t.Errorf("the phone's later word is lost: at %v", *p.CurrentTime)
		}
	})
}

// The same where the server has forgotten the session and had no progress yet:
// what it makes anew it dates itself.
func TestCarriesItsTimeWhenMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		up := r.down()
		r.after(10 * time.Second)
		r.sync(id, 10, 20)
		said := time.Now().UnixMilli()
		r.after(time.Hour)
		r.fake.Restart()
		up()
		r.settled()
		if p := r.at(r.book()); *p.CurrentTime != 20 || p.LastUpdate != said || r.sum(id) != 10 {
			t.Errorf("at %v of %v, want 20 of %v; %v s", *p.CurrentTime, p.LastUpdate, said, r.sum(id))
		}
	})
}

// Updates of one item arrive in their order, and none that turns anything is
// merged into another.
func TestOrderOfAnItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		r.sync(id, 10, 10)
		up := r.down()
		r.sync(id, 10, 20)
		for i := range 5 {
			r.after(10 * time.Second)
			r.patch(r.book(), fmt.Sprintf(`{"currentTime":%d,"duration":600}`, 30+i))
		}
		r.after(10 * time.Second)
		r.patch(r.book(), `{"isFinished":true}`)
		r.after(10 * time.Second)
		r.patch(r.book(), `{"isFinished":false,"currentTime":5}`)
		r.after(10 * time.Second)
		r.patch(r.book(), `{"currentTime":55,"duration":600}`)
		if s := r.j.Status(); s.Waiting != 9 {
			t.Errorf("waiting %d, want 9 reports", s.Waiting)
		}
		mark := len(r.fake.Ledger().Entries())
		up()
		r.settled()
		patches := 0
		for _, e := range r.fake.Ledger().Entries()[mark:] {
			if e.Method == "PATCH" && e.Status == 200 {
				patches++
			}
		}
		if p := r.at(r.book()); *p.CurrentTime != 55 || p.IsFinished || patches > 5 {
			t.Errorf("%+v after %d updates", p, patches)
		}
		if got := r.sum(id); got != 20 {
			t.Errorf("%v s", got)
		}
	})
}

// A batch becomes an update for each item, an item new to the user included;
// what the server does not know is set aside and shown.
func TestBatchAndUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		podcast := r.fake.Podcasts().Items[0]
		other := r.fake.Library().Items[3].ID
		body := fmt.Sprintf(`[{"libraryItemId":%q,"currentTime":5,"duration":100},{"libraryItemId":%q,"episodeId":%q,"currentTime":6},`+
			`{"libraryItemId":"gone","progress":1},7]`,
			other, podcast.ID, podcast.Episodes[1].ID)
		if a := r.take(Report{Kind: Batch, Body: []byte(body)}); a.Kept || a.Status != 200 {
			t.Errorf("server at hand: %+v", a)
		}
		up := r.down()
		r.after(time.Minute)
		said := time.Now().UnixMilli()
		body = fmt.Sprintf(`[{"libraryItemId":%q,"currentTime":15,"duration":100},{"libraryItemId":%q,"episodeId":%q,"currentTime":16},`+
			`{"libraryItemId":"gone","progress":1},{"libraryItemId":%q,"currentTime":3,"duration":50}]`,
			other, podcast.ID, podcast.Episodes[1].ID, r.book())
		if a := r.take(Report{Kind: Batch, Body: []byte(body)}); !a.Kept || string(a.Body) != "OK" {
			t.Errorf("%+v", a)
		}
		r.after(time.Minute)
		up()
		r.settled()
		for item, want := range map[string]float64{other: 15, podcast.ID + "/" + podcast.Episodes[1].ID: 16, r.book(): 3} {
			if p := r.at(item); *p.CurrentTime != want || p.LastUpdate != said {
				t.Errorf("%s at %v of %d, want %v of %d", item, *p.CurrentTime, p.LastUpdate, want, said)
			}
		}
		if s := r.j.Status(); s.SetAside != 1 || s.SetAsideReason != "Library item not found" {
			t.Errorf("%+v", s)
		}
	})
}

// Sessions listened to offline: the newest state of each, in the server's
// shape, and none twice.
func TestOfflineSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		session := func(id, item string, seconds int) string {
			return fmt.Sprintf(`{"id":%q,"libraryItemId":%q,"currentTime":%d,"timeListening":%d,"updatedAt":%d,"startedAt":1}`,
				id, item, seconds, seconds, time.Now().UnixMilli())
		}
		up := r.down()
		if a := r.take(Report{Kind: Local, Body: []byte(session("s1", r.book(), 10))}); !a.Kept || string(a.Body) != "OK" {
			t.Errorf("%+v", a)
		}
		r.after(10 * time.Second)
		all := `{"deviceInfo":{"deviceId":"phone"},"sessions":[` + session("s1", r.book(), 20) + `,` + session("s2", "gone", 5) + `,` +
			session("s3", r.fake.Library().Items[3].ID, 7) + `,{"id":"bad"}]}`
		a := r.take(Report{Kind: LocalAll, Body: []byte(all)})
		var said struct{ Results []result }
		err := json.Unmarshal(a.Body, &said)
		if err != nil || len(said.Results) != 4 || said.Results[0].ID != "s1" && said.Results[0].ID != "bad" {
			t.Errorf("%s %v", a.Body, err)
		}
		up()
		r.settled()
		if r.sum("s1") != 20 || r.sum("s2") != 0 || r.sum("s3") != 7 {
			t.Errorf("%v %v %v", r.sum("s1"), r.sum("s2"), r.sum("s3"))
		}
		if s := r.j.Status(); s.SetAside != 1 || s.SetAsideReason != "Media item not found" {
			t.Errorf("%+v", s)
		}
	})
}

// A session of which the journal knows nothing, opened before it ran: asked
// for, and after a restart of the server found in its list.
func TestUnknownSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		open := func() string {
			var s struct{ ID string }
			device := fmt.Sprint("x", time.Now().UnixNano())
			body := r.direct("POST", "/api/items/"+r.book()+"/play",
				`{"forceDirectPlay":true,"deviceInfo":{"deviceId":"`+device+`"}}`, http.StatusOK)
			if err := json.Unmarshal(body, &s); err != nil {
				t.Fatal(err)
			}
			r.after(time.Second)
			return s.ID
		}
		fine := open()
		r.direct("POST", "/api/session/"+fine+"/sync", `{"currentTime":4,"timeListened":4}`, 200)
		r.sync(fine, 5, 10)
		away := open()
		r.direct("POST", "/api/session/"+away+"/sync", `{"currentTime":4,"timeListened":4}`, 200)
		never := open()
		up := r.down()
		r.sync(fine, 6, 20)
		r.sync(away, 7, 30)
		r.sync(never, 8, 40)
		r.fake.Restart()
		up()
		r.settled()
		if r.sum(fine) != 15 || r.sum(away) != 11 || r.sum(never) != 0 {
			t.Errorf("%v %v %v", r.sum(fine), r.sum(away), r.sum(never))
		}
		if s := r.j.Status(); s.SetAside != 1 {
			t.Errorf("%+v", s)
		}
	})
}
