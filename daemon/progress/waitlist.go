package progress

// waitList are a caller's entries of one kind and turn, in their order. It is guarded
// by Journal.lock.
type waitList struct {
	ordered[entry]
	// lowest is the lowest number that was added, or may go again, since the list was
	// looked through; it holds while again is set.
	lowest uint64
	again  bool
}

func (l *waitList) lower(seq uint64) {
	if !l.again || seq < l.lowest {
		l.lowest, l.again = seq, true
	}
}

// waitLists are those of one caller: the updates before the offline sessions, and of
// both those that did not fail before those that did.
type waitLists [4]waitList

func (l *waitLists) of(failed bool) []*waitList {
	if failed {
		return []*waitList{&l[2], &l[3]}
	}
	return []*waitList{&l[0], &l[1]}
}

// waitsOf is the list of c in which w stands. Sessions stand in none.
func (c *caller) waitsOf(w entry) *waitList {
	kind := 0
	if _, is := w.(*offline); is {
		kind = 1
	}
	return c.waits.of(w.failed())[kind]
}

// wait adds w, which is of c.
func (c *caller) wait(w entry) {
	l := c.waitsOf(w)
	l.push(w)
	l.lower(w.order())
}

// leave removes w.
func (c *caller) leave(w entry) { c.waitsOf(w).remove(w.order()) }

// failing makes w an entry that has failed, which stands among others of its caller.
func failing(w entry, mark func()) {
	c := w.by()
	if isSession(w) || c == nil || c.waitsOf(w).get(w.order()) != w {
		mark() // it does not wait any more
		return
	}
	c.leave(w)
	mark()
	c.wait(w)
}

// goesAgain has the entries about an item looked at again: what kept them is over.
func (e *entries) goesAgain(i itemID) {
	from := e.seq
	if c := e.lines.oldestOf(i); c != nil {
		from = min(from, c.Seq)
	}
	if o := e.offlines.oldestOf(i); o != nil {
		from = min(from, o.Seq)
	}
	for _, c := range e.callers { // any of them may have reported about it
		for of := range c.waits {
			c.waits[of].lower(from)
		}
	}
}
