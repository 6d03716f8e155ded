package progress

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"time"
)

// queue holds entries in the order of their sequence numbers. No operation takes
// time that grows with the number of entries, apart from its logarithm.
type queue[E interface {
	comparable
	entry
}] struct {
	slots   []slot[E] // ascending; an entry that was removed leaves its slot empty
	first   int       // the slots before it are empty
	live    int
	reports int
	firsts  []first // a heap, with entries that were removed since
}

type slot[E any] struct {
	seq uint64
	e   E // the zero value in an empty slot
}

// first is when the oldest report of an entry came.
type first struct {
	at  int64
	seq uint64
}

func (q *queue[E]) len() int { return q.live }

// push adds an entry. Its sequence number is higher than every other, except
// where a damaged file lacks records.
func (q *queue[E]) push(e E) {
	switch i := q.find(e.order()); {
	case i == len(q.slots):
		q.slots = append(q.slots, slot[E]{e.order(), e})
	case q.slots[i].seq == e.order(): // empty
		q.slots[i].e = e
	default:
		q.slots = slices.Insert(q.slots, i, slot[E]{e.order(), e})
	}
	q.live++
	q.reports += e.count()
	q.pushFirst(first{e.since().UnixMilli(), e.order()})
}

// find returns the index of the first slot with at least this number.
func (q *queue[E]) find(seq uint64) int {
	return q.first + sort.Search(len(q.slots)-q.first, func(i int) bool { return q.slots[q.first+i].seq >= seq })
}

// get returns the entry with a sequence number, or the zero value.
func (q *queue[E]) get(seq uint64) (e E) {
	if i := q.find(seq); i < len(q.slots) && q.slots[i].seq == seq {
		return q.slots[i].e
	}
	return e
}

// replace puts e in the place of the entry with its sequence number.
func (q *queue[E]) replace(e E) {
	i := q.find(e.order())
	q.reports += e.count() - q.slots[i].e.count()
	q.slots[i].e = e
}

// remove removes the entry with a sequence number, if there is one.
func (q *queue[E]) remove(seq uint64) {
	var none E
	i := q.find(seq)
	if i == len(q.slots) || q.slots[i].seq != seq || q.slots[i].e == none {
		return
	}
	q.reports -= q.slots[i].e.count()
	q.slots[i].e = none
	q.live--
	for q.first < len(q.slots) && q.slots[q.first].e == none {
		q.first++
	}
	switch {
	case q.live == 0:
		q.slots, q.firsts, q.first = nil, nil, 0 // the memory goes, too
	case len(q.slots) > 64 && q.live < len(q.slots)/4:
		q.slots = slices.Clone(slices.DeleteFunc(q.slots, func(s slot[E]) bool { return s.e == none }))
		q.first = 0
	}
}

// from returns the first entry with at least this sequence number, or the zero
// value.
func (q *queue[E]) from(seq uint64) (e E) {
	var none E
	for i := q.find(seq); i < len(q.slots); i++ {
		if q.slots[i].e != none {
			return q.slots[i].e
		}
	}
	return none
}

// all returns the entries in their order.
func (q *queue[E]) all() iter.Seq[E] {
	var none E
	return func(yield func(E) bool) {
		for _, s := range q.slots[q.first:] {
			if s.e != none && !yield(s.e) {
				return
			}
		}
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
		slices.SortFunc(q.firsts, func(a, b first) int { return cmp.Compare(a.at, b.at) }) // a sorted list is a heap
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
