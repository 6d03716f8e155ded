package upstream

import (
	"context"
	"sync"
	"time"
)

const (
	// examineEvery is how often connections are looked at while they are examined.
	examineEvery = 250 * time.Millisecond
	// examineFor bounds an examination: afterwards TCP's own limits decide.
	examineFor = 12 * time.Second
	// suspectAfter is the silence after which the kernel asks the other side once a second.
	suspectAfter = time.Second
	// deadAfter is the silence after which a connection counts as dead where the way is
	// free: three questions of the kernel were lost. On a line that loses packets it takes
	// deadWithLoss.
	deadAfter, deadWithLoss = 3500 * time.Millisecond, 8 * time.Second
	// freeWay bounds the dial that shows that the way is free.
	freeWay = 2 * time.Second
	// lateAnswers is how long what was under way has to arrive once the way is free.
	lateAnswers = 200 * time.Millisecond
)

// Examine finds out which connections are dead although nobody has said so: a router
// that forgot them drops their packets silently. It is called when somebody waits for
// bytes. It returns at once, and works where the system tells enough.
//
// A silence alone never ends a connection, since the server may be slow and the way may
// be down. The kernel asks the other side; when it gets no answer for some seconds, and
// a new connection is made at the same time, only the old one can be at fault. What was
// under way over it then fails, and goes on over another.
func (u *Upstream) Examine() {
	e := &u.examination
	e.mu.Lock()
	defer e.mu.Unlock()
	if !canExamine || e.on || e.closed {
		return
	}
	e.on = true
	e.group.Go(func() {
		u.examine()
		e.calm()
	})
}

// calm ends an examination: the kernel asks as seldom as it did.
func (e *examination) calm() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = false
	for t := range e.asked {
		askOften(t, false)
	}
	clear(e.asked)
}

// examination is the goroutine that examines.
type examination struct {
	mu         sync.Mutex
	on, closed bool
	ended      context.Context
	end        context.CancelFunc
	group      sync.WaitGroup

	asked map[*tracked]time.Time // since when the kernel asks often
}

func (e *examination) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.end()
	e.group.Wait()
}

// signs are what the kernel knows of a connection.
type signs struct {
	silent time.Duration // since anything came from the other side, answers to its own questions included
	lossy  bool          // packets got lost on it before
}

// dead reports whether a connection with these signs is dead, where the way is free and
// the kernel has asked for so long. One that merely had nothing to say answers.
func (s signs) dead(asked time.Duration) bool {
	least := deadAfter
	if s.lossy {
		least = deadWithLoss
	}
	return min(s.silent, asked+suspectAfter) >= least
}

func (u *Upstream) examine() {
	ctx, cancel := context.WithTimeout(u.examination.ended, examineFor)
	defer cancel()
	tick := time.NewTicker(examineEvery)
	defer tick.Stop()
	for first := true; ; first = false {
		silent, unasked, dead := u.suspects(false)
		// Whoever waits for a second may have begun some milliseconds before the last byte
		// came: the kernel's second is not over then.
		if silent == 0 && !first {
			return
		}
		// While the way is down nothing is asked: unanswered questions would end what
		// outlives a short outage.
		if (unasked > 0 || len(dead) > 0) && u.wayIsFree(ctx) {
			_, _, dead = u.suspects(true)
			for _, t := range dead {
				_ = t.Close()
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// suspects returns how many connections are silent, how many of those the kernel does not
// ask yet, and which are dead where the way is free. With ask the kernel asks all of them
// from now on, since what one router forgot it mostly forgot at one time: it asks only
// where nothing comes for a second.
func (u *Upstream) suspects(ask bool) (silent, unasked int, dead []*tracked) {
	e := &u.examination
	e.mu.Lock()
	defer e.mu.Unlock()
	known, lossy := map[*tracked]signs{}, false
	for _, t := range u.network.list() {
		if s, ok := signsOf(t); ok {
			known[t] = s
			lossy = lossy || s.lossy // one line carries them all
		}
	}
	for t, s := range known {
		s.lossy = lossy
		since, asked := e.asked[t]
		if !asked && ask {
			e.asked[t] = time.Now()
			askOften(t, true)
		}
		if s.silent < suspectAfter {
			continue
		}
		silent++
		switch {
		case !asked:
			unasked++
		case s.dead(time.Since(since)):
			dead = append(dead, t)
		}
	}
	return silent, unasked, dead
}

// wayIsFree reports whether a new connection to the address in use comes about.
func (u *Upstream) wayIsFree(ctx context.Context) bool {
	to, _ := u.inUse.now()
	w := u.ready.Load()
	if to == nil || w == nil || !w.direct(to) {
		return false // a proxy's connection says nothing of the way behind it
	}
	ctx, cancel := context.WithTimeout(ctx, freeWay)
	defer cancel()
	conn, err := u.network.DialContext(ctx, "tcp", hostPort(to))
	if err != nil {
		return false
	}
	_ = conn.Close()
	timer := time.NewTimer(lateAnswers)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
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
