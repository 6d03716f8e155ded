package progress

import "context"

const (
	// groupEntries and groupBytes bound how many offline sessions go to the
	// server in one request.
	groupEntries = 100
	groupBytes   = 512 << 10
)

// localAllKey keeps two reports of many offline sessions from being sent at the
// same time.
const localAllKey = "local-all"

// deliverOffline delivers an offline session, together with those that came
// with it.
func (j *Journal) deliverOffline(ctx context.Context, o *offline, alone bool) outcome {
	key := o.ID
	if o.All {
		key = localAllKey
	}
	unlock, ok := j.locks.lock(ctx, key)
	if !ok {
		return blocked
	}
	defer unlock()
	if j.isTooOld(o) {
		return j.setAside(o, "older than 30 days")
	}
	list, d := j.group(o, alone)
	if len(list) == 0 {
		return done // it was replaced
	}
	a, v, _ := j.client.report(ctx, reportOf(list, d))
	switch v {
	case taken:
		return j.finishGroup(list, a)
	case gone, refused:
		if len(list) > 1 {
			return j.setAsideOne(ctx, list[0], d)
		}
		return j.setAside(o, string(a.Body))
	case stuck:
		return j.tryAgain(o)
	}
	return later
}

// group returns o with the sessions that came behind it in the same report, and
// their device. Alone, it returns o and no other.
func (j *Journal) group(o *offline, alone bool) (list []*offline, d *device) {
	j.lock()
	defer j.unlock()
	if j.latest[o.ID] != o {
		return nil, nil
	}
	d = j.devices[o.Device]
	size := 0
	for next := o; next != nil; next = j.entries.offline.get(next.Seq + 1) {
		size += len(next.Session)
		alike := next.All && next.Device == o.Device && next.Agent == o.Agent && next.By == o.By && !next.alone && !o.alone && !alone
		if len(list) > 0 && (!alike || len(list) == groupEntries || size > groupBytes) {
			break
		}
		list = append(list, next)
	}
	return list, d
}

// setAsideOne finds out whether the server refuses o alone, or the group for
// another one in it. Either way the group is one shorter afterwards.
func (j *Journal) setAsideOne(ctx context.Context, o *offline, d *device) outcome {
	list := []*offline{o}
	a, v, _ := j.client.report(ctx, reportOf(list, d))
	switch v {
	case taken:
		return j.finishGroup(list, a)
	case gone, refused:
		return j.setAside(o, string(a.Body))
	case stuck:
		return j.tryAgain(o)
	}
	return later
}

// finishGroup removes what the server has accepted, and sets aside what it has
// not.
func (j *Journal) finishGroup(list []*offline, a Answer) outcome {
	refusals := make(map[string]string)
	if list[0].All {
		results, _ := results(a)
		for _, r := range results {
			if r.Error != "" || !r.Success {
				refusals[r.ID] = r.Error
			}
		}
	}
	var accepted []entry
	var refused []refusedEntry
	for _, o := range list {
		if why, bad := refusals[o.ID]; bad {
			refused = append(refused, refusedEntry{o, why})
		} else {
			accepted = append(accepted, o)
		}
	}
	j.lock()
	defer j.unlock()
	j.endLocked(accepted, refused)
	return done
}
