package wsconn

import (
	"context"
	"sync"
)

// Bounds of the queue of a slow consumer. A single event may be larger.
const (
	queueEvents = 128
	queueBytes  = 1 << 20
)

// queue hands events to a consumer in a goroutine of its own, so that the reader
// of the socket never waits for it. A full queue drops its oldest events: the
// newest ones describe the present state best.
type queue struct {
	consume func(Event)
	wake    chan struct{} // has room for one

	mu      sync.Mutex
	list    []Event
	bytes   int
	dropped uint64
	closed  bool // nothing is consumed any more
}

func newQueue(consume func(Event)) *queue {
	return &queue{consume: consume, wake: make(chan struct{}, 1)}
}

// push never blocks.
func (q *queue) push(e Event) {
	if q.consume == nil {
		e.done()
		return
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		e.done()
		return
	}
	q.list = append(q.list, e)
	q.bytes += len(e.Args)
	for len(q.list) > 1 && (len(q.list) > queueEvents || q.bytes > queueBytes) {
		q.take().done()
		q.dropped++
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take removes the oldest event. mu is held and the list is not empty.
func (q *queue) take() Event {
	e := q.list[0]
	q.list[0] = Event{}
	q.list = q.list[1:]
	q.bytes -= len(e.Args)
	return e
}

func (q *queue) next() (Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		q.list = nil // release the array
		return Event{}, false
	}
	return q.take(), true
}

// run delivers until ctx ends.
func (q *queue) run(ctx context.Context) {
	defer q.close()
	for {
		for ctx.Err() == nil {
			e, ok := q.next()
			if !ok {
				break
			}
			q.consume(e)
			e.done()
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return
		}
	}
}

// close drops the events that nobody will consume any more, and all later ones.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	for e, ok := q.next(); ok; e, ok = q.next() {
		e.done()
	}
}

func (q *queue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
