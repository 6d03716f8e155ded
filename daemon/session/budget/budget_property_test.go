package budget

import (
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absapi"
)

// limited is the server's side: express-rate-limit's fixed window, which begins
// with the first request and lives in memory.
type limited struct {
	limit  int // 0: no limiter
	window time.Duration
	hits   int
	resets time.Duration
	most   int  // what one of the window's requests was allowed to be
	blind  bool // one of them was sent without knowing this limiter
}

// hit counts a request that arrives at the moment at.
func (l *limited) hit(at time.Duration) absapi.Meta {
	if l.limit == 0 {
		return absapi.Meta{Direct: true}
	}
	if at >= l.resets {
		l.hits, l.most, l.blind, l.resets = 0, 0, false, at+l.window
	}
	l.hits++
	return absapi.Meta{Direct: true, Limit: absapi.RateLimit{Present: true, Limit: l.limit, Remaining: max(0, l.limit-l.hits),
		Reset: l.resets - at, Window: l.window}}
}

func shareOf(limit int) int { return max(1, min(max(4, limit/4), limit-1)) }

// budgetWorld is one machine and one server, in a time that only runs. What the
// machine's clock shows is another matter.
type budgetWorld struct {
	*rapid.T
	now    time.Duration
	ahead  time.Duration // the machine's clock
	seen   time.Duration // the same when a process last looked
	boot   int
	booted time.Duration
	disk   *memoryStore
	procs  []*Budgets
	server limited

	told    int // the limit of the newest answer; 0: none yet, -1: no limiter
	window  time.Duration
	granted []time.Duration
	flying  []flyingRequest
}

type flyingRequest struct {
	arrives, answers time.Duration
	lost             bool
	allowed          int
	knew             bool
	arrived          bool
	meta             absapi.Meta
}

var addresses = []string{"http://abs.home:13378", "http://ABS.home:13378/audiobookshelf/", "http://10.0.0.2:13378"}

func (w *budgetWorld) wall() time.Time {
	return time.Unix(1_800_000_000, 0).UTC().Add(w.now + w.ahead)
}

func (w *budgetWorld) start() *Budgets {
	b := &Budgets{store: w.disk, clock: func() (time.Duration, string) { return w.now - w.booted, string(rune('a' + w.boot)) }}
	b.begin(w.wall())
	return b
}

func (w *budgetWorld) budget() *Budget {
	w.seen = w.ahead
	p := w.procs[rapid.IntRange(0, len(w.procs)-1).Draw(w.T, "process")]
	base, err := url.Parse(rapid.SampledFrom(addresses).Draw(w.T, "address"))
	if err != nil {
		w.Fatal(err)
	}
	return p.Of(base)
}

func (w *budgetWorld) share() int {
	switch w.told {
	case -1:
		return mostShare
	case 0:
		return shareOf(defaultLimit)
	}
	return shareOf(w.told)
}

// run lets time pass, and what is under way arrive and be answered in order.
func (w *budgetWorld) run(d time.Duration) {
	end := w.now + d
	for {
		next, index := end, -1
		for i, f := range w.flying {
			at := f.answers
			if !f.arrived {
				at = f.arrives
			}
			if at <= next {
				next, index = at, i
			}
		}
		w.now = max(w.now, next)
		if index < 0 {
			return
		}
		f := &w.flying[index]
		if f.arrived {
			if !f.lost {
				w.answered(f.meta)
			}
			w.flying = append(w.flying[:index], w.flying[index+1:]...)
			continue
		}
		f.arrived, f.meta = true, w.server.hit(w.now)
		w.server.most = max(w.server.most, f.allowed)
		w.server.blind = w.server.blind || !f.knew
		if w.server.limit > 0 && !w.server.blind && w.server.hits > w.server.most {
			w.Fatalf("the server counts %d of our requests in one window, %d were allowed", w.server.hits, w.server.most)
		}
	}
}

func (w *budgetWorld) answered(meta absapi.Meta) {
	w.budget().Learn(w.wall(), meta, true)
	w.told, w.window = -1, 0
	if meta.Limit.Present {
		w.told, w.window = meta.Limit.Limit, meta.Limit.Window
	}
}

func (w *budgetWorld) take() (time.Duration, bool) {
	wait, err := w.budget().Take(w.wall())
	if err != nil {
		w.Fatal(err)
	}
	if wait > 0 {
		return wait, false
	}
	window := w.window
	if w.told == 0 {
		window = defaultWindow
	}
	recent := 0
	for _, at := range w.granted {
		if w.now-at < window {
			recent++
		}
	}
	if recent+1 > w.share() {
		w.Fatalf("request %d within %v, the share of limit %d is %d", recent+1, window, w.told, w.share())
	}
	w.granted = append(w.granted, w.now)
	f := flyingRequest{arrives: w.now + seconds(w.T, "way", 60), allowed: w.share(), knew: w.told == w.server.limit &&
		w.window == w.server.window, lost: rapid.IntRange(0, 4).Draw(w.T, "lost") == 0}
	f.answers = f.arrives + seconds(w.T, "back", 5)
	w.flying = append(w.flying, f)
	return 0, true
}

func seconds(t *rapid.T, name string, most int) time.Duration {
	return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Second
}

// Whatever the machine's clock shows, however many processes there are, however
// late requests arrive and whatever answers are lost: no window, as the server
// counts it, holds more of our requests than our share of the limit as it was
// last told; and nobody waits for ever.
func TestBudgetAgainstTheServersOwnCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() limited {
			return limited{limit: rapid.SampledFrom([]int{0, 1, 2, 5, 10, 40, 100}).Draw(t, "limit"),
				window: time.Duration(rapid.IntRange(1, 20).Draw(t, "window")) * time.Minute}
		}
		w := &budgetWorld{T: t, disk: &memoryStore{}, server: draw()}
		w.procs = []*Budgets{w.start(), w.start()}
		w.answered(w.server.hit(0)) // the first sign-in
		w.server.hits, w.server.most = 0, 0
		for _, a := range addresses { // which told that these are one server
			base, _ := url.Parse(a)
			w.procs[0].Of(base).Recognise(w.wall(), "f3a06ba5-b8aa-4a89-94a0-befdd06316d9", "root")
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 11).Draw(t, "step") {
			case 0, 1, 2, 3, 4:
				for range rapid.IntRange(1, 12).Draw(t, "burst") {
					w.take()
				}
			case 5, 6, 7:
				w.run(seconds(t, "pause", 400))
			case 8: // the clock is set, to anywhere
				w.ahead += time.Duration(rapid.IntRange(-4000, 4000).Draw(t, "minutes")) * time.Minute
			case 9: // a process is killed, another starts
				w.procs[rapid.IntRange(0, 1).Draw(t, "killed")] = w.start()
			case 10: // the machine starts anew; its clock may have lost time, and gained none that nobody saw
				w.boot, w.booted = w.boot+1, w.now
				w.ahead = min(w.ahead, w.seen) - time.Duration(rapid.IntRange(0, 4000).Draw(t, "minutes lost"))*time.Minute
				w.seen = w.ahead
				w.procs = []*Budgets{w.start(), w.start()}
			case 11: // the server restarts, perhaps with another limiter
				if rapid.Bool().Draw(t, "reconfigured") {
					w.server = draw()
				}
				w.server.hits, w.server.most, w.server.resets = 0, 0, 0
			}
		}
		// Whoever waits as long as he was told gets his turn.
		w.run(10 * time.Minute)
		for turns := 0; ; turns++ {
			wait, ok := w.take()
			if ok {
				break
			}
			if most := 20*time.Minute + inFlight; wait > most || turns > 2 {
				t.Fatalf("wait %v more, after %d turns", wait, turns)
			}
			w.run(wait)
		}
	})
}
