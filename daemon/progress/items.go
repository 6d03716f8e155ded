package progress

// link joins the updates of one item that wait, in their order.
type link struct{ older, newer *change }

// line is the updates of one item that wait.
type line struct{ oldest, newest *change }

// lines holds the updates that wait by the hash of their item. Two items with one
// hash, which is next to impossible, share a line: that costs no more than a request.
type lines map[uint64]line

// newestOf returns the newest update of an item that waits, or nil.
func (l lines) newestOf(i itemID) *change {
	if c := l[i.hash()].newest; c != nil && c.item() == i {
		return c
	}
	return nil
}

// oldestOf returns the oldest update of an item that waits, or nil.
func (l lines) oldestOf(i itemID) *change { return l[i.hash()].oldest }

// add puts an update into the line of its item.
func (l lines) add(c *change) {
	h := c.item().hash()
	of := l[h]
	before := of.newest
	for before != nil && before.Seq > c.Seq {
		before = before.older
	}
	after := of.oldest
	if before != nil {
		after = before.newer
	}
	l.join(h, before, c)
	l.join(h, c, after)
}

// remove takes an update out of the line of its item.
func (l lines) remove(c *change) {
	l.join(c.item().hash(), c.older, c.newer)
	c.link = link{}
}

// join makes two updates neighbours; nil is the end of the line.
func (l lines) join(h uint64, older, newer *change) {
	of := l[h]
	if older != nil {
		older.newer = newer
	} else {
		of.oldest = newer
	}
	if newer != nil {
		newer.older = older
	} else {
		of.newest = older
	}
	if of == (line{}) {
		delete(l, h)
		return
	}
	l[h] = of
}
