package progress

import (
	"encoding/json"
	"iter"
)

// room is what is reserved for a report of which one part after the other is kept.
type room struct {
	caller string
	left   int // bytes
}

// roomForChanges reserves room for a Batch, without keeping any of it. It returns
// ErrNotOurs where nothing in it can be kept.
func (j *Journal) roomForChanges(b *batch) (*room, error) {
	seen := make(map[uint64]json.RawMessage) // the newest in b of an item, by its hash
	var t tally
	any := false
	for part := range chunks(pairs(b.updates())) {
		j.lock()
		for _, p := range part {
			any = true
			h := p.c.item().hash()
			earlier := j.lines.newestOf(p.c.item())
			if raw, ok := seen[h]; ok {
				earlier = &change{Body: text(raw)}
			}
			switch {
			case earlier == nil:
				t.added++
			case p.c.covers(earlier):
				t.size -= earlier.size()
			}
			t.size += p.c.size()
			seen[h] = p.raw
		}
		full := j.isFullLocked(b, t)
		j.unlock()
		if full {
			return nil, ErrFull
		}
	}
	return j.reserveRoom(b, t, any)
}

// update is a change with its text in the report.
type update struct {
	c   *change
	raw json.RawMessage
}

func pairs(all iter.Seq2[*change, json.RawMessage]) iter.Seq[update] {
	return func(yield func(update) bool) {
		all(func(c *change, raw json.RawMessage) bool { return yield(update{c, raw}) })
	}
}

// roomForSessions is roomForChanges for a LocalAll.
func (j *Journal) roomForSessions(b *batch) (*room, error) {
	seen := make(map[string]int32) // bytes of the newest in b, by id
	t := tally{size: b.device.size()}
	any := false
	for part := range chunks(onlyKept(b.sessions())) {
		j.lock()
		for _, o := range part {
			any = true
			if was, ok := seen[o.ID]; ok {
				t.size -= int(was)
			} else if earlier := j.latest[o.ID]; earlier != nil {
				t.size -= earlier.size()
			} else {
				t.added++
			}
			t.size += o.size()
			seen[o.ID] = int32(o.size())
		}
		full := j.isFullLocked(b, t)
		j.unlock()
		if full {
			return nil, ErrFull
		}
	}
	return j.reserveRoom(b, t, any)
}

// isFullLocked reports whether a report does not fit of which t was counted so far.
func (j *Journal) isFullLocked(b *batch, t tally) bool {
	by := j.entries.caller(b.report.Caller)
	defer j.entries.forget(by)
	return !j.fits(by, t)
}

// reserveRoom reserves room for a report that was counted, so that others that come
// meanwhile do not take it. any is false where nothing in it can be kept.
func (j *Journal) reserveRoom(b *batch, t tally, any bool) (*room, error) {
	j.lock()
	defer j.unlock()
	switch {
	case !any:
		return nil, ErrNotOurs
	case j.isFullLocked(b, t):
		return nil, ErrFull
	}
	r := &room{b.report.Caller, max(0, t.size)}
	if t.added == 0 {
		j.grow(j.entries.caller(r.caller), t)
	}
	j.reserve(r.caller, r.left)
	return r, nil
}

// useLocked gives back what the entries of a part take now.
func (j *Journal) useLocked(r *room, n int) {
	n = min(max(0, n), r.left)
	r.left -= n
	j.release(r.caller, n)
}
