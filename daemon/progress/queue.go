package progress

import (
	"cmp"
	"time"

	"shelfkeeper/daemon/order"
)

// queue holds entries in the order of their sequence numbers, and knows how many
// reports went into them and when the oldest came. No operation takes time that
// grows with the number of entries, apart from its logarithm.
type queue[E inOrder] struct {
	ordered[E]
	reports int
	firsts  []first // a heap, with entries that were removed since
}

// first is when the oldest report of an entry came.
type first struct {
	at  int64
	seq uint64
}

// push adds an entry.
func (q *queue[E]) push(e E) {
	q.ordered.push(e)
	q.reports += e.count()
	q.pushFirst(first{e.since().UnixMilli(), e.order()})
}

// replace puts e in the place of the entry with its sequence number.
func (q *queue[E]) replace(e E) {
	q.reports += e.count() - q.get(e.order()).count()
	q.ordered.replace(e)
}

// remove removes the entry with a sequence number, if there is one.
func (q *queue[E]) remove(seq uint64) {
	was, there := q.ordered.remove(seq)
	if !there {
		return
	}
	q.reports -= was.count()
	if q.live == 0 {
		q.firsts = nil // the memory goes, too
	}
}

// oldest returns when the oldest report came; the zero time if there is none.
func (q *queue[E]) oldest() time.Time {
	var none E
	for len(q.firsts) > 0 {
		if q.get(q.firsts[0].seq) != none {
			return time.UnixMilli(q.firsts[0].at)
		}
		q.popFirst()
	}
	return time.Time{}
}

func (q *queue[E]) pushFirst(f first) {
	if len(q.firsts) > 2*q.live+64 { // most are of entries that were removed
		q.firsts = q.firsts[:0]
		for e := range q.all() {
			q.firsts = append(q.firsts, first{e.since().UnixMilli(), e.order()})
		}
		order.Stable(q.firsts, func(a, b first) int { return cmp.Compare(a.at, b.at) }) // a sorted list is a heap
		return
	}
	q.firsts = append(q.firsts, f)
	for i := len(q.firsts) - 1; i > 0; {
		up := (i - 1) / 2
		if q.firsts[up].at <= q.firsts[i].at {
			return
		}
		q.firsts[up], q.firsts[i] = q.firsts[i], q.firsts[up]
		i = up
	}
}

func (q *queue[E]) popFirst() {
	last := len(q.firsts) - 1
	q.firsts[0] = q.firsts[last]
	q.firsts = q.firsts[:last]
	for i := 0; ; {
		least := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < last && q.firsts[down].at < q.firsts[least].at {
				least = down
			}
		}
		if least == i {
			return
		}
		q.firsts[i], q.firsts[least] = q.firsts[least], q.firsts[i]
		i = least
	}
}
