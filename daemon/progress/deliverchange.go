package progress

import (
	"context"
	"slices"
)

// deliverChange delivers an update, unless the server has a newer one.
func (j *Journal) deliverChange(ctx context.Context, c *change) outcome {
	unlock, ok := j.locks.lock(ctx, c.item())
	if !ok {
		return blocked
	}
	defer unlock()
	if isTooOld(c) {
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
		if !j.replace(c, &tried) {
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

// rememberPlace remembers the place that an update set for an item.
func (j *Journal) rememberPlace(c *change) {
	at, there, ok := number(c.Body["currentTime"])
	if !ok || !there {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.places) >= maxEntries {
		clear(j.places)
	}
	j.places[c.item()] = at
}

func (j *Journal) deliverOffline(ctx context.Context, o *offline) outcome {
	unlock, ok := j.locks.lock(ctx, o.ID)
	if !ok {
		return blocked
	}
	defer unlock()
	if isTooOld(o) {
		return j.setAside(o, "older than 30 days")
	}
	r := o.report()
	a, v, _ := j.client.report(ctx, r)
	if v == taken && o.All {
		list, _ := results(a)
		if i := slices.IndexFunc(list, func(r result) bool { return r.Error != "" || !r.Success }); i >= 0 {
			return j.setAside(o, list[i].Error)
		}
	}
	switch v {
	case taken:
		return j.finish(o)
	case gone, refused:
		return j.setAside(o, string(a.Body))
	case stuck:
		return j.tryAgain(o)
	}
	return later
}

// replace replaces an update by another state of it, durably.
func (j *Journal) replace(was, is *change) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.IndexFunc(j.changes, func(c *change) bool { return c.Seq == was.Seq })
	if i < 0 {
		return false // a newer one has taken its place
	}
	if j.writeLocked(edit{bucketChanges, seqKey(is.Seq), is}) != nil {
		return false
	}
	j.changes = slices.Clone(j.changes)
	j.changes[i] = is
	return true
}
