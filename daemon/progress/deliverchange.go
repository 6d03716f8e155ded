package progress

import (
	"context"
	"slices"
)

// deliverChange brings an update to the server, unless the server has a newer
// one.
func (j *Journal) deliverChange(ctx context.Context, c *change) outcome {
	leave, ok := j.lanes.enter(ctx, c.item())
	if !ok {
		return hinder
	}
	defer leave()
	if old(c) {
		return j.putAside(c, "older than 30 days")
	}
	p, err := j.client.place(ctx, c.Item, c.Episode)
	if err != nil {
		return later
	}
	at := c.moment(&j.client.clock)
	if j.isNewer(p, at, c.item()) && !(c.Tried && c.shows(p)) {
		j.log.Info("a report of progress came too late: the server has a newer one", "item", c.Item)
		return j.drop(c)
	}
	if !c.Tried {
		tried := *c
		tried.Tried = true
		if !j.replace(c, &tried) {
			return hinder
		}
		c = &tried
	}
	// The server sets the time of a progress only where there is one already:
	// what is made anew is told once more.
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
			j.bring(c)
			return j.drop(c)
		case gone, refused:
			return j.putAside(c, string(a.Body))
		case stuck:
			return j.tryAgain(c, &c.Tries, &c.tried)
		default:
			return later
		}
	}
}

// bring remembers the place to which an update brought an item.
func (j *Journal) bring(c *change) {
	at, there, ok := number(c.Body["currentTime"])
	if !ok || !there {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.brought) >= maxEntries {
		clear(j.brought)
	}
	j.brought[c.item()] = at
}

func (j *Journal) deliverOffline(ctx context.Context, o *offline) outcome {
	leave, ok := j.lanes.enter(ctx, o.ID)
	if !ok {
		return hinder
	}
	defer leave()
	if old(o) {
		return j.putAside(o, "older than 30 days")
	}
	r := o.report()
	a, v, _ := j.client.report(ctx, r)
	if v == taken && o.All {
		list, _ := results(a)
		if i := slices.IndexFunc(list, func(r result) bool { return r.Error != "" || !r.Success }); i >= 0 {
			return j.putAside(o, list[i].Error)
		}
	}
	switch v {
	case taken:
		return j.drop(o)
	case gone, refused:
		return j.putAside(o, string(a.Body))
	case stuck:
		return j.tryAgain(o, &o.Tries, &o.tried)
	}
	return later
}

// replace puts another state of an update in its place, durably.
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
