package progress

import (
	"iter"
	"slices"
	"sort"
)

// inOrder is what can be held in the order of sequence numbers.
type inOrder interface {
	comparable
	entry
}

// ordered holds entries in the order of their sequence numbers. No operation takes
// time that grows with the number of entries, apart from its logarithm.
type ordered[E inOrder] struct {
	slots []slot[E] // ascending; an entry that was removed leaves its slot empty
	first int       // the slots before it are empty
	live  int
}

type slot[E any] struct {
	seq uint64
	e   E // the zero value in an empty slot
}

func (q *ordered[E]) len() int { return q.live }

// push adds an entry. Its sequence number is higher than most others: where it is
// not, the ones behind it move.
func (q *ordered[E]) push(e E) {
	switch i := q.find(e.order()); {
	case i == len(q.slots):
		q.slots = append(q.slots, slot[E]{e.order(), e})
	case q.slots[i].seq == e.order(): // empty
		q.slots[i].e = e
	default:
		q.slots = slices.Insert(q.slots, i, slot[E]{e.order(), e})
	}
	q.live++
}

// find returns the index of the first slot with at least this number.
func (q *ordered[E]) find(seq uint64) int {
	return q.first + sort.Search(len(q.slots)-q.first, func(i int) bool { return q.slots[q.first+i].seq >= seq })
}

// get returns the entry with a sequence number, or the zero value.
func (q *ordered[E]) get(seq uint64) (e E) {
	if i := q.find(seq); i < len(q.slots) && q.slots[i].seq == seq {
		return q.slots[i].e
	}
	return e
}

// replace puts e in the place of the entry with its sequence number.
func (q *ordered[E]) replace(e E) { q.slots[q.find(e.order())].e = e }

// remove removes the entry with a sequence number and returns it, if there is one.
func (q *ordered[E]) remove(seq uint64) (was E, there bool) {
	var none E
	i := q.find(seq)
	if i == len(q.slots) || q.slots[i].seq != seq || q.slots[i].e == none {
		return none, false
	}
	was, q.slots[i].e = q.slots[i].e, none
	q.live--
	for q.first < len(q.slots) && q.slots[q.first].e == none {
		q.first++
	}
	switch {
	case q.live == 0:
		q.slots, q.first = nil, 0 // the memory goes, too
	case len(q.slots) > 64 && q.live < len(q.slots)/4:
		q.slots = slices.Clone(slices.DeleteFunc(q.slots, func(s slot[E]) bool { return s.e == none }))
		q.first = 0
	}
	return was, true
}

// from returns the first entry with at least this sequence number, or the zero
// value.
func (q *ordered[E]) from(seq uint64) (e E) {
	var none E
	for i := q.find(seq); i < len(q.slots); i++ {
		if q.slots[i].e != none {
			return q.slots[i].e
		}
	}
	return none
}

// all returns the entries in their order.
func (q *ordered[E]) all() iter.Seq[E] {
	var none E
	return func(yield func(E) bool) {
		for _, s := range q.slots[q.first:] {
			if s.e != none && !yield(s.e) {
				return
			}
		}
	}
}
