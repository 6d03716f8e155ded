package upstream

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// examineEvery is how often connections are looked at while they are examined.
	examineEvery = 100 * time.Millisecond
	// examineFor bounds an examination: afterwards TCP's own limits decide.
	examineFor = 16 * time.Second
	// freeWay bounds the dial that shows that the way is free, and afterNoWay is the pause
	// after one that failed.
	freeWay    = 2 * time.Second
	afterNoWay = 400 * time.Millisecond
	// TCP repeats the first packet of a new connection after a second. So one that is made
	// within cleanDial lost none. A verdict takes cleanDials of them at the same time: on a
	// line that loses one packet in three hardly any verdict gets past that.
	cleanDial  = time.Second
	cleanDials = 6
	// lateAnswers is how long what was under way has to arrive once the way is free.
	lateAnswers = 200 * time.Millisecond
)

// Examine finds out which connections are dead although nobody has said so: a router
// that forgot them drops their packets silently. It is called when somebody waits for
// bytes. It returns at once, and works where the system tells enough.
//
// A silence alone never ends a connection, since the server may be slow and the way may
// be down. The kernel asks the other side; when it gets no answer for some seconds, and
// new connections are made at the same time, only the old one can be at fault. What was
// under way over it then fails, and goes on over another. Examine reports whether it can
// find out at all.
func (u *Upstream) Examine() bool {
	to, _ := u.inUse.now()
	if w := u.ready.Load(); to == nil || w == nil || !w.direct(to) || !u.network.tells() {
		return false // a proxy's connection says nothing of the way behind it
	}
	e := &u.examination
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.on || e.closed {
		return e.on
	}
	e.on = true
	e.group.Go(func() {
		u.examine()
		e.calm()
	})
	return true
}

// examination is the goroutine that examines.
type examination struct {
	mu         sync.Mutex
	on, closed bool
	ended      context.Context
	end        context.CancelFunc
	group      sync.WaitGroup

	asked  map[*tracked]*questioning
	dialed Losses // by dials that showed the way
}

// calm ends an examination: the kernel asks as seldom as it did.
func (e *examination) calm() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = false
	for _, q := range e.asked {
		q.kernel.AskOften(false)
	}
	clear(e.asked)
	e.dialed = Losses{}
}

func (e *examination) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.end()
	e.group.Wait()
}

func (u *Upstream) examine() {
	ctx, cancel := context.WithTimeout(u.examination.ended, examineFor)
	defer cancel()
	tick := time.NewTicker(examineEvery)
	defer tick.Stop()
	var pause time.Time
	for first := true; ; first = false {
		now := u.look(false)
		// Whoever waits for a second may have begun some milliseconds before the last byte
		// came: the kernel's second is not over then.
		if len(now.silent) == 0 && !first {
			return
		}
		switch {
		case time.Now().Before(pause):
		case len(now.dead) > 0:
			if u.wayIsFree(ctx, now.dead[0], cleanDials, cleanDial) && sleep(ctx, lateAnswers) {
				for _, t := range u.look(false).dead {
					t.abandon()
				}
			} else {
				pause = time.Now().Add(afterNoWay)
			}
		// While the way is down nothing is asked: unanswered questions would end what
		// outlives a short outage.
		case now.unasked != nil:
			if u.wayIsFree(ctx, now.unasked, 1, freeWay) {
				u.look(true)
			} else {
				pause = time.Now().Add(afterNoWay)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sight is what a look at the connections shows.
type sight struct {
	silent  []*tracked
	dead    []*tracked // of the silent ones, where the way is free
	unasked *tracked   // one of the silent ones that the kernel does not ask yet; nil: none
}

// look looks at all connections, and lets the kernel ask the silent ones again. With ask
// it asks all from now on, since what one router forgot it mostly forgot at one time: it
// asks only where nothing comes for a second.
func (u *Upstream) look(ask bool) (now sight) {
	e := &u.examination
	e.mu.Lock()
	defer e.mu.Unlock()
	at := time.Now()
	known, all := map[*tracked]Signs{}, e.dialed
	for _, t := range u.network.list() {
		k := kernelOf(t)
		if k == nil {
			continue
		}
		s, ok := k.Signs()
		if !ok {
			continue
		}
		known[t] = s
		all.add(s.Losses) // one line carries them all
		if ask && e.asked[t] == nil {
			e.asked[t] = &questioning{kernel: k, since: at, last: at, repeats: s.Repeats}
			k.AskOften(true)
		}
	}
	enough := all.enough()
	for t, s := range known {
		if s.Silent < suspectAfter {
			continue
		}
		now.silent = append(now.silent, t)
		switch q := e.asked[t]; {
		case q == nil:
			now.unasked = t
		case q.unanswered(s, at) >= enough && q.silence(s, at) >= deadAfter:
			now.dead = append(now.dead, t)
		case at.Sub(q.last) >= askEvery:
			q.last = at
			q.kernel.Ask()
		}
	}
	return now
}

// wayIsFree reports whether n new connections to the other side of t come about, all of
// them within that time.
func (u *Upstream) wayIsFree(ctx context.Context, t *tracked, n int, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var dials errgroup.Group
	for range n {
		dials.Go(func() error {
			began := time.Now()
			conn, err := u.network.DialContext(ctx, "tcp", t.RemoteAddr().String())
			made := Losses{Packets: 3}
			if time.Since(began) >= cleanDial {
				made.Lost = 1
			}
			if err == nil || n > 1 { // without any way nothing is lost
				u.examination.mu.Lock()
				u.examination.dialed.add(made)
				u.examination.mu.Unlock()
			}
			if err == nil {
				_ = conn.Close()
			}
			return err
		})
	}
	return dials.Wait() == nil
}

// sleep reports whether ctx lasted for d.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tells reports whether the system tells of a connection what an examination needs.
func (n *network) tells() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for t := range n.open {
		if kernelOf(t) != nil {
			return true
		}
	}
	return false
}

// list returns the open connections.
func (n *network) list() []*tracked {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]*tracked, 0, len(n.open))
	for t := range n.open {
		list = append(list, t)
	}
	return list
}
