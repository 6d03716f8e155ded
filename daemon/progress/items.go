package progress

// link joins the updates of one item that wait, in their order.
type link[E any] struct{ older, newer E }

// line is the entries of one kind about one item.
type line[E comparable] struct{ oldest, newest E }

// inLine is an entry that stands in the line of its item.
type inLine[E any] interface {
	comparable
	entry
	neighbours() *link[E]
}

// lines holds entries that wait by the hash of their item. Two items with one
// hash, which is next to impossible, share a line: that costs no more than a request.
type lines[E inLine[E]] map[uint64]line[E]

// newestOf returns the newest entry of an item that waits, or nil.
func (l lines[E]) newestOf(i itemID) E {
	var none E
	if c := l[i.hash()].newest; c != none && c.item() == i {
		return c
	}
	return none
}

// oldestOf returns the oldest entry of an item that waits, or nil.
func (l lines[E]) oldestOf(i itemID) E { return l[i.hash()].oldest }

// add puts an entry into the line of its item.
func (l lines[E]) add(c E) {
	var none E
	h := c.item().hash()
	of := l[h]
	before := of.newest
	for before != none && before.order() > c.order() {
		before = before.neighbours().older
	}
	after := of.oldest
	if before != none {
		after = before.neighbours().newer
	}
	l.join(h, before, c)
	l.join(h, c, after)
}

// remove takes an entry out of the line of its item.
func (l lines[E]) remove(c E) {
	at := c.neighbours()
	l.join(c.item().hash(), at.older, at.newer)
	*at = link[E]{}
}

// join makes two entries neighbours; the zero value is the end of the line.
func (l lines[E]) join(h uint64, older, newer E) {
	var none E
	of := l[h]
	if older != none {
		older.neighbours().newer = newer
	} else {
		of.oldest = newer
	}
	if newer != none {
		newer.neighbours().older = older
	} else {
		of.newest = older
	}
	if of == (line[E]{}) {
		delete(l, h)
		return
	}
	l[h] = of
}
