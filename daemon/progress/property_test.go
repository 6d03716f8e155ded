package progress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absfake"
)

// move is one thing that happens in a story.
type move struct {
	what    string
	session int
	n       int
	kind    int
	wait    time.Duration
}

var happenings = []string{"play", "sync", "sync", "sync", "sync", "end", "patch", "weather", "weather", "clear", "restart", "kill", "kill soon"}

func drawMove(rt *rapid.T) move {
	return move{
		what:    rapid.SampledFrom(happenings).Draw(rt, "what"),
		session: rapid.IntRange(0, 2).Draw(rt, "session"),
		n:       rapid.IntRange(1, 9).Draw(rt, "n"),
		kind:    rapid.IntRange(0, len(kinds)-1).Draw(rt, "kind"),
		wait:    time.Duration(rapid.SampledFrom([]int{0, 100, 3000, 10_000, 70_000}).Draw(rt, "wait")) * time.Millisecond,
	}
}

// Whatever is cut, restarted and killed in whatever order: what the server
// counts of a session is what the player was told is counted. Where the
// program was killed before it could answer, the player knows nothing, and
// the report is counted once or not at all.
func TestNothingLostNothingTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		release := rapid.SampledFrom(absfake.RotatingReleases()).Draw(rt, "release")
		story := rapid.SliceOfN(rapid.Custom(drawMove), 1, 30).Draw(rt, "story")
		var err error
		synctest.Test(t, func(t *testing.T) { err = tell(newRig(t, release), story) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// told is what a player knows of its session.
type told struct {
	id      string
	sure    float64
	unsure  []float64 // told nothing: the program was killed
	ended   bool
	perhaps bool // its end was in doubt
}

func tell(r *rig, story []move) error {
	var sessions [3]*told
	var all []*told
	podcast := r.fake.Podcasts().Items[0]
	items := [3]string{r.book() + "/play", podcast.ID + "/play/" + podcast.Episodes[0].ID, r.fake.Library().Items[2].ID + "/play"}
	var weather []func()
	clear := func() {
		for _, end := range weather {
			end()
		}
		weather = nil
	}
	last := map[int]float64{} // the place each item was surely brought to
	position := 0.0
	for step, m := range story {
		r.after(m.wait)
		s := sessions[m.session]
		seconds := float64(m.n) + float64(step+1)/64 // no two sums alike
		position += 15
		switch m.what {
		case "play":
			if id := r.tryPlay(items[m.session], fmt.Sprint("device", m.session)); id != "" {
				s = &told{id: id}
				sessions[m.session] = s
				all = append(all, s)
			}
		case "sync", "end":
			if s == nil || s.ended {
				continue
			}
			report := Report{Kind: Sync, Session: s.id, Header: jsonHeader, Body: (&spell{Time: seconds, Position: position}).body(position)}
			if m.what == "end" {
				report.Kind, s.ended = End, true
			}
			a, err := r.j.Take(context.Background(), report)
			switch {
			case r.isDead():
				s.unsure = append(s.unsure, seconds)
				s.perhaps = s.perhaps || m.what == "end"
				delete(last, m.session)
			case err == nil && a.Status == 200:
				s.sure += seconds
				last[m.session] = position
			case err == nil && a.Status == 404: // the player knows that it is not counted
			default:
				return fmt.Errorf("step %d: %s: %+v, %w", step, m.what, a, errOr(err))
			}
		case "patch":
			path := Report{Kind: Patch, Item: r.book(), Header: jsonHeader, Body: fmt.Appendf(nil, `{"currentTime":%v,"duration":1000}`, position)}
			if m.session == 1 {
				path.Item, path.Episode = podcast.ID, podcast.Episodes[0].ID
			} else if m.session == 2 {
				path.Item = r.fake.Library().Items[2].ID
			}
			a, err := r.j.Take(context.Background(), path)
			if r.isDead() {
				delete(last, m.session)
			} else if err != nil || a.Status != 200 {
				return fmt.Errorf("step %d: %s: %+v, %w", step, m.what, a, errOr(err))
			} else {
				last[m.session] = position
			}
		case "weather":
			fault := kinds[m.kind].fault
			fault.Path, fault.Times = "/api/*", m.n
			weather = append(weather, r.fake.Inject(fault))
		case "clear":
			clear()
		case "restart":
			r.fake.Restart()
		case "kill":
			r.kill()
		case "kill soon":
			r.mu.Lock()
			r.killAt = r.steps + m.n
			r.mu.Unlock()
		}
		if r.isDead() {
			r.kill()
		}
	}
	clear()
	r.mu.Lock()
	r.killAt = 0
	r.mu.Unlock()
	if r.isDead() {
		r.kill()
	}
	r.settled()
	for _, s := range all {
		if got := r.sum(s.id); !adds(got, s.sure, s.unsure) {
			return fmt.Errorf("the server counts %v s; told %v, in doubt %v", got, s.sure, s.unsure)
		}
	}
	if s := r.j.Status(); s.WriteError != nil || s.Damaged != "" {
		return fmt.Errorf("%+v", s)
	}
	for n, at := range last {
		item := []string{r.book(), podcast.ID + "/" + podcast.Episodes[0].ID, r.fake.Library().Items[2].ID}[n]
		if p := r.at(item); p.CurrentTime == nil || *p.CurrentTime != at {
			return fmt.Errorf("item %d is at %v, not %v", n, *p.CurrentTime, at)
		}
	}
	return nil
}

func errOr(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// adds reports whether got is sure and any of unsure, each once.
func adds(got, sure float64, unsure []float64) bool {
	for set := range 1 << len(unsure) {
		sum := sure
		for i, x := range unsure {
			if set>>i&1 == 1 {
				sum += x
			}
		}
		if math.Abs(sum-got) < 1e-6 {
			return true
		}
	}
	return false
}
