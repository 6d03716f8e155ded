package players

import (
	"net/netip"
	"sync"
)

// pair names a socket by its two ends.
type pair struct{ local, remote netip.AddrPort }

// question asks who holds a socket.
type question struct {
	pair
	answered bool
	owner    int // a user or a process, as the table tells
	found    bool
}

// tableReader reads the system's table of sockets for many at a time. One reading takes
// milliseconds or more, so all who wait for one are answered by the next.
type tableReader struct {
	read func([]*question) // fills in owner and found

	mu      sync.Mutex
	waiting []*question
	// reading is full while somebody reads. The others wait for that very answer.
	reading chan struct{}
}

func newTableReader(read func([]*question)) *tableReader {
	return &tableReader{read: read, reading: make(chan struct{}, 1)}
}

// find returns the owner of the socket from local to remote. The reading that answers
// began after the call.
func (t *tableReader) find(local, remote netip.AddrPort) (owner int, found bool) {
	q := &question{pair: pair{local, remote}}
	t.mu.Lock()
	t.waiting = append(t.waiting, q)
	t.mu.Unlock()
	t.reading <- struct{}{}
	defer func() { <-t.reading }()
	if !q.answered {
		t.mu.Lock()
		all := t.waiting
		t.waiting = nil
		t.mu.Unlock()
		t.read(all)
		for _, one := range all {
			one.answered = true
		}
	}
	return q.owner, q.found
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
	}
	delete(open, socket)
}
