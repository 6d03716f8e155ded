package progress

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// Killed at every single step of one story, each write and each request to the
// server before and after: the next start brings it to the same end.
func TestKilledAtEveryStep(t *testing.T) {
	for _, release := range []absfake.Release{absfake.R2263, absfake.R2360} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/server restarted %v", release, restarted), func(t *testing.T) {
				last, kills := 0, 0
				for at := 1; ; at++ {
					var taken int
					synctest.Test(t, func(t *testing.T) { taken = killedAt(t, release, restarted, at) })
					if taken < at {
						break // the story was over before
					}
					last, kills = at, kills+1
				}
				if kills < 12 {
					t.Errorf("only %d steps, the last %d: the story does not reach what it is about", kills, last)
				}
			})
		}
	}
}

// killedAt tells the story and returns how many steps it took.
func killedAt(t *testing.T, release absfake.Release, restarted bool, at int) int {
	r := newRig(t, release)
	id := r.play(r.book()+"/play", "d")
	end := r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/api/session/*/sync", Times: 1})
	r.mu.Lock()
	r.killAt, r.steps = at, 0
	r.mu.Unlock()

	sure, unsure := 0.0, []float64(nil)
	report := func(kind Kind, seconds, position float64) {
		a, err := r.j.Take(context.Background(), listened(kind, id, seconds, position))
		switch {
		case r.isDead():
			unsure = append(unsure, seconds)
			r.mu.Lock()
			steps := r.steps
			r.mu.Unlock()
			r.kill()
			r.mu.Lock()
			r.steps = steps
			r.mu.Unlock()
		case err == nil && a.Status == 200:
			sure += seconds
		default:
			t.Fatalf("killed at step %d: %+v %v", at, a, err)
		}
	}
	report(Sync, 10.25, 10) // its answer is lost
	if restarted {
		r.fake.Restart()
	}
	report(Sync, 10.5, 20) // waits behind it
	r.after(30 * time.Second)
	if r.isDead() {
		r.kill()
	}
	report(Sync, 11, 30)
	report(End, 12, 40)
	r.after(30 * time.Second)
	end()
	r.mu.Lock()
	steps := r.steps
	r.killAt = 0
	r.mu.Unlock()
	if r.isDead() {
		steps = max(steps, at)
		r.kill()
	}
	r.settled()
	if got := r.sum(id); !adds(got, sure, unsure) || len(unsure) > 1 {
		t.Errorf("killed at step %d: the server counts %v s; told %v, in doubt %v", at, got, sure, unsure)
	}
	if s := r.j.Status(); s.SetAside != 0 || s.WriteError != nil || s.Damaged != "" {
		t.Errorf("killed at step %d: %+v", at, s)
	}
	return steps
}

// The server closes a session for another one of the same device. A player that is told so
// reports its time anew, in the other session: a crash right after must not count it, too.
func TestWhatIsToldGoneIsNotCountedAfterACrash(t *testing.T) {
	for _, release := range absfake.RotatingReleases() {
		for _, kind := range []Kind{Sync, End} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, release)
				first := r.play(r.book()+"/play", "d")
				second := r.play(r.book()+"/play", "d")
				a, err := r.j.Take(t.Context(), listened(kind, first, 10, 10))
				if err != nil || a.Status != http.StatusNotFound {
					t.Fatalf("%s: %+v, %v", release, a, err)
				}
				r.kill()
				r.sync(second, 10, 10)
				r.settled()
				if r.sum(first) != 0 || r.sum(second) != 10 {
					t.Errorf("%s: %v s and %v s", release, r.sum(first), r.sum(second))
				}
			})
		}
	}
}
