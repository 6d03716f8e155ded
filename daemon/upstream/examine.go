package upstream

import (
	"context"
	"sync"
	"time"
)

const (
	// examineEvery is how often connections are looked at while they are examined.
	examineEvery = 400 * time.Millisecond
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
		e.mu.Lock()
		e.on = false
		e.mu.Unlock()
	})
}

// examination is the goroutine that examines.
type examination struct {
	mu         sync.Mutex
	on, closed bool
	ended      context.Context
	end        context.CancelFunc
	group      sync.WaitGroup
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

// dead reports whether a connection with these signs is dead, where the way is free.
func (s signs) dead() bool {
	if s.lossy {
		return s.silent >= deadWithLoss
	}
	return s.silent >= deadAfter
}

func (u *Upstream) examine() {
	ctx, cancel := context.WithTimeout(u.examination.ended, examineFor)
	defer cancel()
	asked := map[*tracked]bool{}
	defer func() {
		for t := range asked {
			askOften(t, false)
		}
	}()
	tick := time.NewTicker(examineEvery)
	defer tick.Stop()
	for {
		var silent []*tracked
		dead := 0
		for _, t := range u.network.list() {
			if s, ok := signsOf(t); ok && s.silent >= suspectAfter {
				silent = append(silent, t)
				if s.dead() {
					dead++
				}
			}
		}
		if len(silent) == 0 {
			return
		}
		// While the way is down nothing is asked: unanswered questions would end what
		// outlives a short outage.
		if (dead > 0 || len(asked) == 0) && u.wayIsFree(ctx) {
			if dead > 0 && u.closeDead() > 0 {
				return
			}
			for _, t := range silent {
				if !asked[t] {
					asked[t] = true
					askOften(t, true)
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// closeDead closes the connections that are dead now, and returns their number.
func (u *Upstream) closeDead() (n int) {
	for _, t := range u.network.list() {
		if s, ok := signsOf(t); ok && s.dead() {
			_ = t.Close()
			n++
		}
	}
	return n
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
