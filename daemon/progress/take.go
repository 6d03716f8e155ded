package progress

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Take delivers a report to the server, or keeps it. It returns the server's
// answer, or else, once the report is durable, the answer that the server would
// give. While anything waits, every new report waits behind it. With an error
// nothing was kept; after ErrNotOurs the report may still be forwarded.
func (j *Journal) Take(ctx context.Context, r Report) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := time.Now()
	switch r.Kind {
	case Sync, End:
		s, nothing, ok := r.intervalOf(now)
		if !ok || !goodID(r.Session) {
			j.bypassed(r.Session)
			return Answer{}, ErrNotOurs
		}
		if nothing {
			s = nil
		}
		return j.takeSession(ctx, r, s)
	case Patch:
		c, ok := changeOf(r.Item, r.Episode, r.Body, now)
		if !ok || !r.readsJSON() {
			return Answer{}, ErrNotOurs
		}
		return j.takeOther(ctx, r, c.Item+"/"+c.Episode, func(tried bool) (Answer, error) {
			c.Tried = tried
			return keptOK(), j.keepChanges(r.Caller, nil, c)
		})
	case Batch:
		b, ok := batchOf(r, now)
		if !ok {
			return Answer{}, ErrNotOurs
		}
		return j.takeOther(ctx, r, "batch", func(tried bool) (Answer, error) { return keptOK(), j.keepBatch(b, tried) })
	case Local:
		o, ok := offlineOf(r.Body, agentOf(r), now)
		if !ok || !r.readsJSON() {
			return Answer{}, ErrNotOurs
		}
		return j.takeOther(ctx, r, o.ID, func(bool) (Answer, error) { return keptOK(), j.keepOffline(r.Caller, nil, nil, o) })
	case LocalAll:
		b, ok := batchOf(r, now)
		if !ok {
			return Answer{}, ErrNotOurs
		}
		return j.takeOther(ctx, r, localAllKey, func(bool) (Answer, error) {
			if err := j.keepSessions(b); err != nil {
				return Answer{}, err
			}
			return b.results(), nil
		})
	}
	return Answer{}, ErrNotOurs
}

// takeOther is Take for reports that may be sent twice without harm. keep writes
// the report to disk; it is called only if the server is out of reach.
func (j *Journal) takeOther(ctx context.Context, r Report, key string, keep func(tried bool) (Answer, error)) (Answer, error) {
	unlock, free := j.locks.lock(ctx, key)
	if free {
		defer unlock()
	}
	tried := false
	if free && !j.isClosed() && !j.isWaiting() {
		a, v, _ := j.client.report(ctx, r)
		if v != temporary && v != stuck {
			return a, nil
		}
		tried = true
	}
	a, err := keep(tried)
	return a, j.notKept(err, true)
}

// notKept turns the error of a write into one of Take's. away says that the
// server is out of reach, so that forwarding the report is of no use.
func (j *Journal) notKept(err error, away bool) error {
	switch {
	case err == nil || errors.Is(err, ErrFull) || errors.Is(err, ErrNotOurs):
		return err
	case away:
		return errors.Join(ErrDisk, err)
	}
	return ErrNotOurs
}

// keepBatch makes the updates of a Batch durable and has them delivered.
func (j *Journal) keepBatch(b *batch, tried bool) error {
	return keepParts(j, b, j.roomForChanges, b.changes(), func(r *room, part []*change) error {
		for _, c := range part {
			c.Tried = tried
		}
		return j.keepChanges(r.caller, r, part...)
	})
}

// keepSessions is keepBatch for a LocalAll.
func (j *Journal) keepSessions(b *batch) error {
	return keepParts(j, b, j.roomForSessions, onlyKept(b.sessions()), func(r *room, part []*offline) error {
		return j.keepOffline(r.caller, b.device, r, part...)
	})
}

// keepParts keeps a large report in parts, so that others do not wait for all of
// it. It is counted before anything of it is kept, so that one that does not fit
// costs next to nothing. Its room is reserved, so that no part can be refused after
// another was kept. Only the disk can fail in between, and then the error tells.
func keepParts[E any](
	j *Journal, b *batch, reserve func(*batch) (*room, error), all iter.Seq[E], keep func(*room, []E) error,
) error {
	if b.count > maxElements {
		return ErrFull
	}
	if err := j.open(); err != nil {
		return err
	}
	r, err := reserve(b)
	if err != nil {
		return err
	}
	defer func() {
		j.lock()
		j.useLocked(r, r.left)
		j.unlock()
	}()
	kept := 0
	for part := range chunks(all) {
		if err := keep(r, part); err != nil {
			if kept > 0 {
				err = &PartError{Kept: kept, Of: b.count, Err: err}
			}
			return err
		}
		kept += len(part)
	}
	return nil
}

// PartError says that only the beginning of a report was kept. To send all of it
// once more changes nothing that was kept.
type PartError struct {
	Kept, Of int // elements
	Err      error
}

func (e *PartError) Error() string {
	return fmt.Sprintf("only the first %d of %d elements are kept: %v", e.Kept, e.Of, e.Err)
}

func (e *PartError) Unwrap() error { return e.Err }

// open opens the file, whose entries decide what fits.
func (j *Journal) open() error {
	if err := j.lockFor(diskPatience); err != nil {
		return err
	}
	defer j.unlock()
	return j.openLocked()
}

// keepChanges makes updates of a caller durable and has them delivered. r is the
// room that was reserved for them; nil: none.
func (j *Journal) keepChanges(caller string, r *room, list ...*change) error {
	if err := j.lockFor(diskPatience); err != nil {
		return err
	}
	defer j.unlock()
	if err := j.openLocked(); err != nil {
		return err
	}
	by := j.entries.caller(caller)
	var t tally
	records := make([]record, 0, len(list))
	newest := make(map[itemID]*change) // of this list
	for _, c := range list {
		c.Seq, c.By = j.nextSeq(), by
		earlier, own := newest[c.item()]
		if !own {
			earlier = j.lines.newestOf(c.item())
		}
		r := record{Change: c}
		// Only the newest update of an item may be replaced: the server must
		// see the older ones in their order.
		switch {
		case earlier == nil:
			t.added++
		case c.covers(earlier) && (own || j.mayReplaceLocked(earlier, c)):
			c = c.over(earlier)
			r = record{Change: c, Replaces: earlier.Seq}
			t.size -= earlier.size()
		}
		t.size += c.size()
		newest[c.item()] = c
		records = append(records, r)
	}
	return j.keepLocked(by, t, r, records)
}

// mayReplaceLocked reports whether c may take the place of an earlier update. One
// that was sent without an answer is kept where there is room: if the server
// stood still and takes it late, it explains the place that is found there.
func (j *Journal) mayReplaceLocked(earlier, c *change) bool {
	if !earlier.Tried || c.Body == earlier.Body {
		return true
	}
	if c.By.size < j.shareOf(c.By)/2 {
		return false
	}
	j.rememberPlaceLocked(earlier)
	return true
}

// keepOffline is keepChanges for offline sessions, of one device if there is one.
func (j *Journal) keepOffline(caller string, d *device, r *room, list ...*offline) error {
	if err := j.lockFor(diskPatience); err != nil {
		return err
	}
	defer j.unlock()
	if err := j.openLocked(); err != nil {
		return err
	}
	by := j.entries.caller(caller)
	var t tally
	var records []record
	if d != nil && j.devices[d.ID] == nil {
		d.By = by
		t.size += d.size()
		records = append(records, record{Device: d})
	}
	latest := make(map[string]*offline) // of this list
	for _, o := range list {
		o.Seq, o.By = j.nextSeq(), by
		earlier := latest[o.ID]
		if earlier == nil {
			earlier = j.latest[o.ID]
		}
		if earlier == nil {
			t.added++
		} else {
			t.size -= earlier.size()
		}
		o = o.over(earlier)
		t.size += o.size()
		latest[o.ID] = o
		records = append(records, record{Offline: o})
	}
	return j.keepLocked(by, t, r, records)
}

// keepLocked makes records of by that add or replace entries durable, if they fit
// or their room is reserved, and has them delivered.
func (j *Journal) keepLocked(by *caller, t tally, reserved *room, records []record) error {
	defer j.entries.forget(by)
	was := by.size
	if reserved != nil {
		defer func() { j.useLocked(reserved, by.size-was) }()
	} else if !j.fits(by, t) {
		return ErrFull
	} else if t.added == 0 {
		j.grow(by, t)
	}
	if err := j.writeLocked(records...); err != nil {
		return err
	}
	if !by.isBulk() {
		j.setPromptLocked(true)
	}
	j.changedLocked()
	j.Wake()
	return nil
}
