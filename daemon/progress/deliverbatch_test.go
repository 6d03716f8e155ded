package progress

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// many returns a batch about n books of the double's library, which are at
// 10, 11, 12…, one that the server does not know, and an episode.
func (r *rig) many(n int) string {
	podcast := r.fake.Podcasts().Items[0]
	list := []string{
		`{"libraryItemId":"unknown","currentTime":1}`,
		fmt.Sprintf(`{"libraryItemId":%q,"episodeId":%q,"currentTime":5}`, podcast.ID, podcast.Episodes[0].ID),
	}
	for i, item := range r.fake.Library().Items[:n] {
		list = append(list, fmt.Sprintf(`{"libraryItemId":%q,"currentTime":%d,"duration":5000,"isFinished":false}`, item.ID, 10+i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// A batch that waited goes as a batch: in a few requests, with the time at which
// it came, not over what another device said since, and what the server does not
// know is set aside.
func TestBatchGoesAsABatch(t *testing.T) {
	for _, release := range absfake.RotatingReleases() {
		t.Run(string(release), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, release)
				items := r.fake.Library().Items
				r.direct("PATCH", "/api/me/progress/"+items[3].ID, `{"currentTime":3,"duration":5000}`, 200)
				up := r.down()
				r.after(time.Minute)
				if a := r.take(Report{Kind: Batch, Body: []byte(r.many(10))}); !a.Kept {
					t.Fatalf("%+v", a)
				}
				said := time.Now().UnixMilli()
				r.after(time.Hour)
				up()
				r.direct("PATCH", "/api/me/progress/"+items[4].ID, `{"currentTime":444,"duration":5000}`, 200) // the phone
				mark := len(r.fake.Ledger().Entries())
				r.settled()
				if n := len(r.fake.Ledger().Entries()) - mark; n > 8 {
					t.Errorf("%d requests", n)
				}
				for i, item := range items[:10] {
					p, want, at := r.at(item.ID), float64(10+i), said
					if i == 4 {
						want, at = 444, p.LastUpdate
					}
					if *p.CurrentTime != want || p.LastUpdate != at {
						t.Errorf("book %d is at %v of %d, want %v of %d", i, *p.CurrentTime, p.LastUpdate-said, want, at-said)
					}
				}
				podcast := r.fake.Podcasts().Items[0]
				if p := r.at(podcast.ID + "/" + podcast.Episodes[0].ID); *p.CurrentTime != 5 || p.LastUpdate != said {
					t.Errorf("the episode is at %v", *p.CurrentTime)
				}
				if s := r.j.Status(); s.SetAside != 1 || s.SetAsideReason != "Library item not found" {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// Every kind of failure in the middle of a batch, and a kill at each of its
// requests and writes: all of it arrives, once and in order.
func TestBatchThroughFailures(t *testing.T) {
	check := func(t *testing.T, r *rig) {
		t.Helper()
		r.settled()
		for i, item := range r.fake.Library().Items[:10] {
			want := float64(10 + i)
			if i == 5 {
				want = 77
			}
			if p := r.at(item.ID); *p.CurrentTime != want {
				t.Errorf("book %d is at %v, want %v", i, *p.CurrentTime, want)
			}
		}
		if s := r.j.Status(); s.SetAside != 1 || s.WriteError != nil || s.Damaged != "" {
			t.Errorf("%+v", s)
		}
	}
	begin := func(t *testing.T) (*rig, func()) {
		r := newRig(t, absfake.Newest)
		up := r.down()
		r.take(Report{Kind: Batch, Body: []byte(r.many(10))})
		r.after(10 * time.Second)
		r.patch(r.fake.Library().Items[5].ID, `{"currentTime":77,"duration":5000}`) // later, of one of them
		return r, up
	}
	for _, k := range kinds {
		t.Run(k.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, up := begin(t)
				fault := k.fault
				fault.Path, fault.Times, fault.Skip = "/api/me*", 3, 1
				end := r.fake.Inject(fault)
				up()
				r.j.Wake()
				r.after(5 * time.Minute)
				end()
				check(t, r)
			})
		})
	}
	for at := 1; at < 40; at++ {
		synctest.Test(t, func(t *testing.T) {
			r, up := begin(t)
			r.mu.Lock()
			r.killAt, r.steps = at, 0
			r.mu.Unlock()
			up()
			r.j.Wake()
			r.after(5 * time.Minute)
			r.kill()
			check(t, r)
			if t.Failed() {
				t.Logf("killed at step %d", at)
			}
		})
	}
}

// Answers with the places in odd shapes are none, and end.
func FuzzReadPlaces(f *testing.F) {
	f.Add(`{"id":"u","mediaProgress":[{"libraryItemId":"a","episodeId":null,"lastUpdate":1,"currentTime":2.5}],"x":{}}`)
	f.Add(`{"mediaProgress":[{"libraryItemId":"a","episodeId":"e","lastUpdate":1}`)
	f.Add(`{"a":[[[{}]]],"mediaProgress":{}}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := readPlaces(json.NewDecoder(strings.NewReader(body)), map[itemID]bool{{item: "a"}: true, {"a", "e"}: true})
		if err == nil && len(got) > 2 {
			t.Errorf("%v", got)
		}
	})
}
