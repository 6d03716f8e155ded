package players

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// pair names a socket by its two ends.
type pair struct{ local, remote netip.AddrPort }

// tableWait is how long a connection waits for the table. A player gives up after
// some ten seconds, and the system takes milliseconds. Wine takes 3 to 15 s on a machine
// with thousands of sockets: it searches the open files of its processes for each.
const tableWait = 2 * time.Second

// question asks who holds a socket.
type question struct {
	pair
	owner int // a user or a process, as the table tells
	found bool
	told  chan struct{} // closed when owner and found hold
}

func newQuestion(local, remote netip.AddrPort) *question {
	return &question{pair: pair{local, remote}, told: make(chan struct{})}
}

// tableReader reads the system's table of sockets for many at a time. One reading takes
// milliseconds or more, so all who wait for one are answered by the next.
type tableReader struct {
	read func([]*question) // answers those that it finds

	mu      sync.Mutex
	waiting []*question
	reading bool // a goroutine reads, until nobody waits
}

func newTableReader(read func([]*question)) *tableReader { return &tableReader{read: read} }

// find returns the owner of the socket from local to remote. The reading that answers
// began after the call. Nothing is found when it takes longer than until: the owner
// counts as unknown then, and an unknown one needs a grant.
func (t *tableReader) find(local, remote netip.AddrPort, until time.Time) (owner int, found bool) {
	q := newQuestion(local, remote)
	t.mu.Lock()
	t.waiting = append(t.waiting, q)
	if !t.reading {
		t.reading = true
		go t.answerAll()
	}
	t.mu.Unlock()
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case <-q.told:
		return q.owner, q.found
	case <-late.C:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = slices.DeleteFunc(t.waiting, func(one *question) bool { return one == q })
	return 0, false
}

// answerAll reads the table until nobody waits. The system's call cannot be ended, so
// the last reading may outlive the question.
func (t *tableReader) answerAll() {
	for {
		t.mu.Lock()
		all := t.waiting
		t.waiting = nil
		t.reading = len(all) > 0
		t.mu.Unlock()
		if len(all) == 0 {
			return
		}
		t.read(all)
		for _, q := range all {
			if !q.found {
				close(q.told)
			}
		}
	}
}

// unanswered are the questions by their sockets.
func unanswered(all []*question) map[pair][]*question {
	open := make(map[pair][]*question, len(all))
	for _, q := range all {
		if !q.found {
			open[q.pair] = append(open[q.pair], q)
		}
	}
	return open
}

// answer gives the owner of a socket to those who asked for it.
func answer(open map[pair][]*question, socket pair, owner int) {
	for _, q := range open[socket] {
		q.owner, q.found = owner, true
		close(q.told)
	}
	delete(open, socket)
}
