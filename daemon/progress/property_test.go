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

var happenings = []string{
	"play", "sync", "sync", "sync", "sync", "end", "patch", "fault", "fault", "clear", "restart", "kill", "kill soon",
}

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
	id     string
	sure   float64
	unsure []float64 // told nothing: the program was killed
	ended  bool
}

// story is a run of moves, with what the players were told.
type story struct {
	r        *rig
	items    [3][2]string // item and episode
	sessions [3]*told
	all      []*told
	faults   []func()        // ends of those that last
	last     map[int]float64 // the place that each item surely has
	position float64
}

func tell(r *rig, moves []move) error {
	podcast := r.fake.Podcasts().Items[0]
	s := &story{r: r, last: map[int]float64{}, items: [3][2]string{
		{r.book(), ""}, {podcast.ID, podcast.Episodes[0].ID}, {r.fake.Library().Items[2].ID, ""},
	}}
	for n, m := range moves {
		r.after(m.wait)
		s.position += 15
		if err := s.play(n, m); err != nil {
			return fmt.Errorf("step %d: %s: %w", n, m.what, err)
		}
		if r.isDead() {
			r.kill()
		}
	}
	return s.check()
}

func (s *story) play(n int, m move) error {
	r, own := s.r, s.sessions[m.session]
	seconds := float64(m.n) + float64(n+1)/64 // no two sums alike
	switch m.what {
	case "play":
		path := s.items[m.session][0] + "/play"
		if episode := s.items[m.session][1]; episode != "" {
			path += "/" + episode
		}
		if id := r.tryPlay(path, fmt.Sprint("device", m.session)); id != "" {
			s.sessions[m.session] = &told{id: id}
			s.all = append(s.all, s.sessions[m.session])
		}
	case "sync":
		return s.report(m.session, Sync, own, seconds)
	case "end":
		return s.report(m.session, End, own, seconds)
	case "patch":
		return s.patch(m.session)
	case "fault":
		fault := kinds[m.kind].fault
		fault.Path, fault.Times = "/api/*", m.n
		s.faults = append(s.faults, r.fake.Inject(fault))
	case "clear":
		s.clear()
	case "restart":
		r.fake.Restart()
	case "kill":
		r.kill()
	case "kill soon":
		r.mu.Lock()
		r.killAt = r.steps + m.n
		r.mu.Unlock()
	}
	return nil
}

func (s *story) report(item int, kind Kind, own *told, seconds float64) error {
	if own == nil || own.ended {
		return nil
	}
	own.ended = kind == End
	a, err := s.r.j.Take(context.Background(), listened(kind, own.id, seconds, s.position))
	switch {
	case s.r.isDead():
		own.unsure = append(own.unsure, seconds)
		delete(s.last, item)
	case err == nil && a.Status == 200:
		own.sure += seconds
		s.last[item] = s.position
	case err == nil && a.Status == 404: // the player knows that it is not counted
	default:
		return fmt.Errorf("%+v, %w", a, errOr(err))
	}
	return nil
}

func (s *story) patch(item int) error {
	body := fmt.Appendf(nil, `{"currentTime":%v,"duration":1000}`, s.position)
	r := Report{Kind: Patch, Item: s.items[item][0], Episode: s.items[item][1], Header: jsonHeader, Body: body}
	a, err := s.r.j.Take(context.Background(), r)
	switch {
	case s.r.isDead():
		delete(s.last, item)
	case err != nil || a.Status != 200:
		return fmt.Errorf("%+v, %w", a, errOr(err))
	default:
		s.last[item] = s.position
	}
	return nil
}

func (s *story) clear() {
	for _, end := range s.faults {
		end()
	}
	s.faults = nil
}

// check lets everything be delivered and compares the server with what the
// players were told.
func (s *story) check() error {
	r := s.r
	s.clear()
	r.mu.Lock()
	r.killAt = 0
	r.mu.Unlock()
	if r.isDead() {
		r.kill()
	}
	r.settled()
	for _, own := range s.all {
		if got := r.sum(own.id); !adds(got, own.sure, own.unsure) {
			return fmt.Errorf("the server counts %v s; told %v, in doubt %v", got, own.sure, own.unsure)
		}
	}
	if st := r.j.Status(); st.WriteError != nil || st.Damaged != "" {
		return fmt.Errorf("%+v", st)
	}
	for n, at := range s.last {
		path := s.items[n][0]
		if episode := s.items[n][1]; episode != "" {
			path += "/" + episode
		}
		if p := r.at(path); p.CurrentTime == nil || *p.CurrentTime != at {
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
