// Package transfers lists what is being sent to players at this moment: to
// whom, of which item, and how fast.
//
// It exists so that status can show what plays now. It decides nothing, and
// costs a request two locks and a count for each piece.
package transfers

import (
	"cmp"
	"sync"
	"time"

	"shelfkeeper/daemon/order"
)

const (
	// maxEntries bounds what is remembered. More than that is not shown.
	maxEntries = 64
	// linger is how long a transfer that has ended is remembered. Players fetch
	// pieces one by one: what goes on within that time is one transfer.
	linger = 15 * time.Second
	// window is the time over which the speed is measured.
	window = time.Second
)

// Player is who gets something: what a program says of itself, and as what it
// came in.
type Player struct{ Agent, Grant, Scope string }

// Transfer is something that is sent to a player, or was until just now.
type Transfer struct {
	Player Player
	Media  Media
	Began  time.Time
	Bytes  uint64
	Rate   float64 // bytes a second, of the last moments
	Now    bool    // it runs
}

// Registry holds the transfers of one local server. The zero value is ready.
type Registry struct {
	// Changed, where set before the first use, is called when a transfer begins or
	// ends, without a lock held.
	Changed func()

	mu   sync.Mutex
	list map[key]*entry
}

type key struct {
	player Player
	media  Media
}

type entry struct {
	began   time.Time
	running int
	bytes   uint64
	ended   time.Time // of the last piece, while none runs

	from   time.Time // when the present window began
	within uint64    // bytes in it
	rate   float64   // of the window before
}

// Piece is one answer to a player. A nil Piece counts nothing.
type Piece struct {
	registry *Registry
	key      key
	entry    *entry
}

// Begin counts an answer to a player in. It returns nil where there are too many.
func (r *Registry) Begin(p Player, m Media) *Piece {
	now, k := time.Now(), key{p, m}
	r.mu.Lock()
	r.forgetLocked(now)
	e := r.list[k]
	if e == nil && len(r.list) >= maxEntries {
		r.mu.Unlock()
		return nil
	}
	if e == nil {
		if r.list == nil {
			r.list = make(map[key]*entry)
		}
		e = &entry{began: now, from: now}
		r.list[k] = e
	}
	first := e.running == 0
	e.running++
	r.mu.Unlock()
	if first {
		r.tell()
	}
	return &Piece{r, k, e}
}

// Add counts bytes that the player has taken.
func (p *Piece) Add(n int) {
	if p == nil {
		return
	}
	now := time.Now()
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	p.entry.turn(now)
	p.entry.bytes += uint64(n)
	p.entry.within += uint64(n)
}

// End says that the answer is over.
func (p *Piece) End() {
	if p == nil {
		return
	}
	p.registry.mu.Lock()
	p.entry.running--
	last := p.entry.running == 0
	if last {
		p.entry.ended = time.Now()
		if p.entry.bytes == 0 {
			delete(p.registry.list, p.key) // nothing of it came
		}
	}
	p.registry.mu.Unlock()
	if last {
		p.registry.tell()
	}
}

// turn begins another window where the present one is over.
func (e *entry) turn(now time.Time) {
	passed := now.Sub(e.from)
	if passed < window {
		return
	}
	e.rate = float64(e.within) / passed.Seconds()
	e.from, e.within = now, 0
}

// List returns what is sent now and what has just been, the newest first.
func (r *Registry) List() []Transfer {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetLocked(now)
	list := make([]Transfer, 0, len(r.list))
	for k, e := range r.list {
		rate := e.rate
		if passed := now.Sub(e.from); passed >= window || rate == 0 && passed > 0 {
			rate = float64(e.within) / max(passed, window).Seconds()
		}
		list = append(list, Transfer{Player: k.player, Media: k.media, Began: e.began, Bytes: e.bytes, Rate: rate, Now: e.running > 0})
	}
	order.Stable(list, func(a, b Transfer) int {
		return cmp.Or(b.Began.Compare(a.Began), cmp.Compare(a.Player.Agent, b.Player.Agent), cmp.Compare(a.Media.Part, b.Media.Part))
	})
	return list
}

// forgetLocked drops what ended a while ago.
func (r *Registry) forgetLocked(now time.Time) {
	for k, e := range r.list {
		if e.running == 0 && now.Sub(e.ended) > linger {
			delete(r.list, k)
		}
	}
}

func (r *Registry) tell() {
	if r.Changed != nil {
		r.Changed()
	}
}
