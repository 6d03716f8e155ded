package progress

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// report is the offline session as a player would send it.
func (o *offline) report() Report {
	r := Report{Kind: Local, Body: o.Session, Header: http.Header{"Content-Type": {"application/json"}}}
	if o.Agent != "" {
		r.Header.Set("User-Agent", o.Agent)
	}
	if o.All {
		r.Kind = LocalAll
		r.Body, _ = json.Marshal(struct {
			Sessions   []json.RawMessage `json:"sessions"`
			DeviceInfo json.RawMessage   `json:"deviceInfo,omitempty"`
		}{[]json.RawMessage{o.Session}, o.Device})
	}
	return r
}

// deliverSession takes a session one step further. Each step is durable before
// the next, so that a crash between any two repeats a question at most.
func (j *Journal) deliverSession(ctx context.Context, l *listening) outcome {
	leave, ok := j.lanes.enter(ctx, l.ID)
	if !ok {
		return hinder
	}
	defer leave()
	j.mu.Lock()
	if !l.pending() {
		l.backlog = false
		j.turnedLocked()
		j.mu.Unlock()
		return done
	}
	now := *l // the spells and stamps are never changed in place
	j.mu.Unlock()

	if time.Now().Before(now.quiet) {
		return hinder
	}
	switch {
	case old(&now) && (now.Sent != nil || now.Waiting != nil):
		return j.putAside(l, "older than 30 days")
	case now.Stamp != nil && now.Sent == nil:
		return j.putRight(ctx, l, now)
	case now.Gone:
		return j.deliverGone(ctx, l, now)
	}
	if now.Sent == nil && now.Waiting == nil {
		return j.deliverEnd(ctx, l)
	}
	return j.deliverOpen(ctx, l, now)
}

// step changes l durably. It is undone where it cannot be written.
func (j *Journal) step(l *listening, change func(*listening)) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.sessions[l.ID] != l {
		return false
	}
	next := *l
	change(&next)
	next.backlog = next.pending()
	if j.writeLocked(edit{bucketSessions, []byte(l.ID), &next}) != nil {
		return false
	}
	next.stored, next.dirty = true, false
	l.account = next.account
	j.turnedLocked()
	return true
}

// deliverOpen delivers to a session that may be open at the server.
func (j *Journal) deliverOpen(ctx context.Context, l *listening, now listening) outcome {
	in, v := j.client.openSession(ctx, l.ID)
	switch v {
	case gone:
		return j.foundGone(ctx, l, now)
	case refused:
		return j.putAside(l, "the session belongs to somebody else")
	case stuck:
		return j.tryAgain(l, &l.Tries, &l.tried)
	case weather:
		return later
	}
	if now.Sent != nil && now.Known && now.counted(in.Sum) {
		// Its answer was lost, and it had arrived.
		ok := j.step(l, func(l *listening) {
			l.Stamp = l.stampOf(j, now.Sent, now.Sent.Position)
			l.Position, l.Sent, l.Base, l.Info = now.Sent.Position, nil, in.Sum, in
		})
		return stepped(ok)
	}
	if now.Sent != nil && now.missed != now.Sent {
		// A server that stood still may have it in its queue, before the
		// question. Behind the question it has not.
		j.mu.Lock()
		l.missed, l.quiet = now.Sent, time.Now().Add(quietCut)
		j.mu.Unlock()
		return hinder
	}
	// From here on the server's sum is known, and nothing of ours is under way.
	p, err := j.client.place(ctx, in.Item, in.Episode)
	if err != nil {
		return later
	}
	var send *spell
	position := 0.0
	if !j.step(l, func(l *listening) {
		send = l.Sent.then(l.Waiting)
		l.Base, l.Known, l.Info, l.Sent, l.Waiting = in.Sum, true, in, send, nil
	}) {
		return later
	}
	position = send.Position
	mark := &stamp{j.client.clock.server(send.At), position}
	if j.isNewer(p, mark.At, itemKey(in.Item, in.Episode)) {
		// Somewhere else the user is further: the time counts, the place stays.
		position = *p.CurrentTime
		mark = &stamp{p.LastUpdate, position}
	}
	kind := Sync
	if now.Closing {
		kind = End
	}
	a, v, quiet := j.client.report(ctx, Report{Kind: kind, Session: l.ID, Body: send.body(position), Header: now.header()})
	switch v {
	case taken:
		return stepped(j.step(l, func(l *listening) {
			l.Base, l.Position, l.Sent, l.Stamp, l.Tries = l.Base+send.Time, position, nil, mark, 0
			l.Gone = kind == End // by its end
		}))
	case gone:
		return more // it has gone just now: the next look will say so
	case refused:
		return j.putAside(l, string(a.Body))
	}
	j.mu.Lock()
	l.quiet = time.Now().Add(quiet)
	j.mu.Unlock()
	if v == stuck {
		return j.tryAgain(l, &l.Tries, &l.tried)
	}
	return later
}

func stepped(ok bool) outcome {
	if ok {
		return more
	}
	return later // the disk's weather
}

// isNewer reports whether p was written by somebody else, after moment.
func (j *Journal) isNewer(p *place, moment int64, item string) bool {
	return p != nil && p.CurrentTime != nil && p.LastUpdate > moment+clockSlack.Milliseconds() && !j.isOwn(p, item)
}

// isOwn reports whether p is a place that we brought there, or that is under
// way. The server puts its own time on what it takes, and a slow one takes a
// report long after it was made; the place tells whose it is.
func (j *Journal) isOwn(p *place, item string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if at, ok := j.brought[item]; ok && p.at(at) {
		return true
	}
	for _, l := range j.sessions {
		if l.item() != item {
			continue
		}
		if p.at(l.Position) || l.Sent != nil && p.at(l.Sent.Position) || l.Waiting != nil && p.at(l.Waiting.Position) {
			return true
		}
	}
	return false
}

func (l *listening) stampOf(j *Journal, s *spell, position float64) *stamp {
	return &stamp{j.client.clock.server(s.At), position}
}

// foundGone notes that the server does not know the session any more. Where it
// was never seen, the server's list of sessions listened to may know it.
func (j *Journal) foundGone(ctx context.Context, l *listening, now listening) outcome {
	in := now.Info
	base := now.Base
	if !now.Known || in == nil {
		found, err := j.client.listened(ctx, l.ID)
		if err != nil {
			return later
		}
		if found == nil {
			return j.putAside(l, "the server does not know this session, and has never written it down")
		}
		in, base = found, found.Sum
	}
	return stepped(j.step(l, func(l *listening) { l.Gone, l.Info, l.Base, l.Known = true, in, base, true }))
}

// deliverGone reports a session that the server has forgotten as one listened
// to offline, under its own id and with the absolute sum: whether or not the
// server had counted what is in doubt, it ends at the same.
func (j *Journal) deliverGone(ctx context.Context, l *listening, now listening) outcome {
	if now.Sent == nil && now.Waiting == nil {
		return j.end(l) // nothing to report
	}
	var send *spell
	if !j.step(l, func(l *listening) {
		send = l.Sent.then(l.Waiting)
		l.Sent, l.Waiting = send, nil
	}) {
		return later
	}
	p, err := j.client.place(ctx, now.Info.Item, now.Info.Episode)
	if err != nil {
		return later
	}
	at := j.client.clock.server(send.At)
	if p != nil && p.LastUpdate >= at && !j.isNewer(p, at, now.item()) {
		at = p.LastUpdate + 1 // our own, a moment ago
	}
	body, err := now.Info.offline(now.Base+send.Time, send.Position, at)
	if err != nil {
		return j.putAside(l, "the session cannot be read")
	}
	a, v, _ := j.client.report(ctx, Report{Kind: Local, Body: body, Header: now.header()})
	switch v {
	case taken:
		var mark *stamp
		if p == nil {
			mark = &stamp{at, send.Position} // made anew: the server put in its own time
		}
		return stepped(j.step(l, func(l *listening) {
			l.Base, l.Position, l.Sent, l.Stamp, l.Tries = l.Base+send.Time, send.Position, nil, mark, 0
		}))
	case gone, refused:
		return j.putAside(l, string(a.Body))
	case stuck:
		return j.tryAgain(l, &l.Tries, &l.tried)
	}
	return later
}

// deliverEnd ends a session of which nothing else waits.
func (j *Journal) deliverEnd(ctx context.Context, l *listening) outcome {
	a, v, _ := j.client.report(ctx, Report{Kind: End, Session: l.ID, Header: http.Header{}})
	switch v {
	case taken, gone:
		return j.end(l)
	case refused:
		return j.putAside(l, string(a.Body))
	case stuck:
		return j.tryAgain(l, &l.Tries, &l.tried)
	}
	return later
}

// end drops a session that has ended, or lets one that has not rest.
func (j *Journal) end(l *listening) outcome {
	j.mu.Lock()
	finished := l.Closing && l.Waiting == nil && l.Sent == nil
	j.mu.Unlock()
	if finished {
		return j.drop(l)
	}
	return stepped(j.step(l, func(*listening) {}))
}

// putRight gives a progress the time at which the user was there, where it is
// still ours.
func (j *Journal) putRight(ctx context.Context, l *listening, now listening) outcome {
	p, err := j.client.place(ctx, now.Info.Item, now.Info.Episode)
	if err != nil {
		return later
	}
	if p != nil && p.at(now.Stamp.Position) && p.LastUpdate > now.Stamp.At {
		body, _ := json.Marshal(map[string]int64{"lastUpdate": now.Stamp.At})
		a, err := j.client.ask(ctx, http.MethodPatch, progressPath(now.Info.Item, now.Info.Episode), body, nil)
		if err != nil {
			return later
		}
		if judge(Patch, a) == weather {
			return later
		}
	}
	return stepped(j.step(l, func(l *listening) { l.Stamp = nil }))
}
