package progress

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

const year = 365 * 24 * time.Hour

var times = regexp.MustCompile(`"(lastUpdate|updatedAt|startedAt)":(\d+)`)

func shifted(body []byte, by time.Duration) []byte {
	return times.ReplaceAllFunc(body, func(m []byte) []byte {
		parts := times.FindSubmatch(m)
		n, _ := strconv.ParseInt(string(parts[2]), 10, 64)
		return fmt.Appendf(nil, `"%s":%d`, parts[1], n+by.Milliseconds())
	})
}

// throughClock sends a request to a server whose clock is ahead: the double's
// own is not, so every time is shifted on its way.
func (r *rig) throughClock(q *http.Request) (*http.Response, error) {
	if r.ahead == 0 {
		return r.transport.RoundTrip(q)
	}
	if q.Body != nil {
		b, err := io.ReadAll(q.Body)
		if err != nil {
			return nil, err
		}
		b = shifted(b, -r.ahead)
		q.Body, q.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	}
	resp, err := r.transport.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(shifted(b, r.ahead))), -1
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		resp.Header.Set("Date", at.Add(r.ahead).UTC().Format(http.TimeFormat))
	}
	return resp, nil
}

// The server's clock is wrong by a year: sums are right, nothing is set aside, an
// older place does not win, and what another device says later does.
func TestServersClock(t *testing.T) {
	for _, ahead := range []time.Duration{year, -year, 3 * time.Hour, -40 * time.Second} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/%v", ahead, restarted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, absfake.Newest)
					r.ahead = ahead
					id := r.play(r.book()+"/play", "d")
					other, third := r.fake.Library().Items[3].ID, r.fake.Library().Items[2].ID
					r.sync(id, 10, 10)
					r.direct("PATCH", "/api/me/progress/"+third, `{"currentTime":3,"duration":500}`, 200)
					up := r.down()
					r.after(time.Minute)
					r.sync(id, 10, 20)
					r.patch(other, `{"currentTime":20,"duration":500}`)
					r.patch(third, `{"currentTime":21,"duration":500}`)
					said := time.Now()
					r.after(time.Minute)
					// The journal rests when the server comes back; the phone is quicker.
					up()
					r.direct("PATCH", "/api/me/progress/"+other, `{"currentTime":400,"duration":500}`, 200)
					if restarted {
						r.fake.Restart()
					}
					r.settled()
					if got := r.sum(id); got != 20 {
						t.Errorf("%v s, want 20", got)
					}
					if p := r.at(r.book()); *p.CurrentTime != 20 {
						t.Errorf("at %v, want 20", *p.CurrentTime)
					}
					if p := r.at(other); *p.CurrentTime != 400 {
						t.Errorf("the phone's place is lost: %v", *p.CurrentTime)
					}
					p := r.at(third)
					if off := time.UnixMilli(p.LastUpdate).Sub(said).Abs(); *p.CurrentTime != 21 || off > 2*clockSlack {
						t.Errorf("at %v of a time %v wrong", *p.CurrentTime, off)
					}
					if s := r.j.Status(); s.SetAside != 0 {
						t.Errorf("%+v", s)
					}
				})
			})
		}
	}
}

// A progress of which a player once said that it is of next year: the reports
// that wait are delivered all the same, and the time is right afterwards.
func TestTimeThatIsAhead(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		t.Run(fmt.Sprint(restarted), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, absfake.Newest)
				id := r.play(r.book()+"/play", "d")
				other := r.fake.Library().Items[3].ID
				next := time.Now().Add(year).UnixMilli()
				r.sync(id, 10, 10)
				r.patch(r.book(), fmt.Sprintf(`{"currentTime":11,"lastUpdate":%d}`, next))
				for range 2 { // the first makes it, and the server dates it
					r.patch(other, fmt.Sprintf(`{"currentTime":1,"duration":500,"lastUpdate":%d}`, next))
				}
				if p := r.at(other); p.LastUpdate != next {
					t.Fatalf("%+v", p)
				}
				up := r.down()
				r.after(time.Minute)
				r.sync(id, 10, 20)
				r.patch(other, `{"currentTime":20,"duration":500}`)
				r.after(time.Minute)
				r.patch(other, fmt.Sprintf(`{"ebookLocation":"x","currentTime":21,"duration":500,"lastUpdate":%d}`, next))
				r.patch(other, `{"currentTime":22,"duration":500}`)
				said := time.Now().UnixMilli()
				r.after(time.Hour)
				if restarted {
					r.fake.Restart()
					r.kill()
				}
				up()
				r.settled()
				if p := r.at(r.book()); *p.CurrentTime != 20 || p.LastUpdate > said || r.sum(id) != 20 {
					t.Errorf("at %v of %v, %v s", *p.CurrentTime, p.LastUpdate-said, r.sum(id))
				}
				if p := r.at(other); *p.CurrentTime != 22 || p.LastUpdate != said {
					t.Errorf("at %v of %v", *p.CurrentTime, p.LastUpdate-said)
				}
			})
		})
	}
}

// A player's clock is a year behind or ahead: its update counts as of when it
// came. A time that may be true is believed.
func TestPlayersClock(t *testing.T) {
	for _, c := range []struct {
		off  time.Duration
		want float64 // against the phone's 400, of a minute before the update came
	}{
		{-year, 30}, {year, 30}, {0, 30}, {-24 * time.Hour, 400},
	} {
		t.Run(fmt.Sprint(c.off), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, absfake.Newest)
				item := r.fake.Library().Items[3].ID
				r.direct("PATCH", "/api/me/progress/"+item, `{"currentTime":400,"duration":500}`, 200)
				up := r.down()
				r.after(time.Minute)
				r.patch(item, fmt.Sprintf(`{"currentTime":30,"duration":500,"lastUpdate":%d}`, time.Now().Add(c.off).UnixMilli()))
				r.after(time.Minute)
				up()
				r.settled()
				if p := r.at(item); *p.CurrentTime != c.want {
					t.Errorf("at %v, want %v", *p.CurrentTime, c.want)
				}
			})
		})
	}
}

// Our own clock was a year behind when the reports came, and was put right since:
// they are not set aside as old.
func TestOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		id := r.play(r.book()+"/play", "d")
		up := r.down()
		r.sync(id, 10, 10)
		r.patch(r.fake.Library().Items[3].ID, `{"currentTime":20,"duration":500}`)
		r.j.lock()
		r.j.begunWall = r.j.begunWall.Add(-year) // as the wrong clock told it
		sent := *r.j.sessions[id].Sent
		sent.First, sent.At = sent.First-year.Milliseconds(), sent.At-year.Milliseconds()
		r.j.sessions[id].Sent = &sent
		r.j.unlock()
		up()
		r.settled()
		if s := r.j.Status(); s.SetAside != 0 || r.sum(id) != 10 {
			t.Errorf("%+v, %v s", s, r.sum(id))
		}
	})
}

// Reports in shapes that no release of the server knows, sessions that end twice,
// and two players that say the same: the server's sums are as without us.
func TestOddReports(t *testing.T) {
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprint("server away ", away), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, absfake.Newest)
				a, b := r.play(r.book()+"/play", "a"), r.play(r.book()+"/play", "b")
				up := func() {}
				if away {
					up = r.down()
				}
				r.take(Report{Kind: Sync, Session: a, Body: []byte(
					`{"currentTime":10,"timeListened":10,"duration":600,"speed":1.5,"chapter":{"id":[1,{"x":null}]},"":"","timeListened2":99}`)})
				r.after(10 * time.Second)
				r.take(Report{Kind: Sync, Session: a, Body: []byte(`{"currentTime":"20","timeListened":"10.5","extra":[]}`)})
				for _, id := range []string{a, b} { // the same from two players
					r.after(10 * time.Second)
					r.sync(id, 7, 30)
				}
				r.after(10 * time.Second)
				if a := r.take(listened(End, a, 5, 40)); a.Status != 200 {
					t.Errorf("%+v", a)
				}
				if a := r.take(listened(End, a, 5, 45)); a.Status != 404 { // as the server says
					t.Errorf("ended twice: %+v", a)
				}
				r.take(Report{Kind: End, Session: b})
				if a := r.take(Report{Kind: End, Session: b}); a.Status != 404 {
					t.Errorf("ended twice: %+v", a)
				}
				up()
				r.settled()
				if r.sum(a) != 32.5 || r.sum(b) != 7 {
					t.Errorf("%v s and %v s, want 32.5 and 7", r.sum(a), r.sum(b))
				}
				r.kill()
				r.settled()
				if r.sum(a) != 32.5 || r.sum(b) != 7 || r.j.Status().SetAside != 0 {
					t.Errorf("after a restart: %v s and %v s, %+v", r.sum(a), r.sum(b), r.j.Status())
				}
			})
		})
	}
}
