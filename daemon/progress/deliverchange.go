package progress

import (
	"context"
	"time"
)

// deliverChange delivers an update, unless the server has a newer one.
func (j *Journal) deliverChange(ctx context.Context, c *change, alone bool) outcome {
	if list := j.batchFrom(c); len(list) >= batchLeast && !alone {
		began := time.Now()
		out, ok := j.deliverBatch(ctx, list)
		j.batchTook(time.Since(began))
		if ok {
			return out
		}
		j.goAlone(entriesOf(list))
	}
	unlock, ok := j.locks.lock(ctx, c.Item+"/"+c.Episode)
	if !ok {
		return blocked
	}
	defer unlock()
	if j.isTooOld(c) {
		return j.setAside(c, "older than 30 days")
	}
	p, err := j.client.place(ctx, c.Item, c.Episode)
	if err != nil {
		return later
	}
	at := c.moment(&j.client.clock)
	if j.isNewer(p, at, c.item()) && !(c.Tried && c.shows(p)) {
		j.log.Info("a report of progress came too late: the server has a newer one", "item", c.Item)
		return j.finish(c)
	}
	if !c.Tried {
		tried := *c
		tried.Tried = true
		if !j.replace(&tried) {
			return blocked
		}
		c = &tried
	}
	// The server sets the time only of a progress that exists. A new one is
	// sent once more.
	for again := p == nil; ; again = false {
		a, err := j.client.ask(ctx, Patch.method(), progressPath(c.Item, c.Episode), c.dated(at), nil)
		if err != nil {
			return later
		}
		switch judge(Patch, a) {
		case taken:
			if again {
				continue
			}
			j.rememberPlace(c)
			return j.finish(c)
		case gone, refused:
			return j.setAside(c, string(a.Body))
		case stuck:
			return j.tryAgain(c)
		default:
			return later
		}
	}
}

func entriesOf(list []*change) []entry {
	all := make([]entry, 0, len(list))
	for _, c := range list {
		all = append(all, c)
	}
	return all
}

// replace replaces an update by another state of it, durably.
func (j *Journal) replace(c *change) bool {
	j.lock()
	defer j.unlock()
	if j.changes.get(c.Seq) == nil {
		return false // a newer one has taken its place
	}
	return j.writeLaterLocked(record{Change: c}) == nil
}

// maxPlaces bounds the places that are remembered.
const maxPlaces = 4096

// rememberPlace remembers the place that an update set for an item.
func (j *Journal) rememberPlace(c *change) {
	j.lock()
	defer j.unlock()
	j.rememberPlaceLocked(c)
}

func (j *Journal) rememberPlaceLocked(c *change) {
	at, there, ok := number(fieldsOf(c.Body)["currentTime"])
	if !ok || !there {
		return
	}
	if len(j.places) >= maxPlaces {
		clear(j.places)
	}
	j.places[c.item()] = at
}

// goAlone makes entries go one by one from now on.
func (j *Journal) goAlone(list []entry) {
	j.lock()
	defer j.unlock()
	for _, w := range list {
		switch w := w.(type) {
		case *change:
			if is := j.changes.get(w.Seq); is != nil {
				failing(is, func() { is.alone = true })
			}
		case *offline:
			failing(w, func() { w.alone = true })
		}
	}
}
