package progress

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// deliverSession takes a session one step further. A step works on s, a copy of
// what is known of the session when the step begins, and changes the session
// only through update. Each change is durable before the next request, so a
// crash between two steps repeats a question at most.
func (j *Journal) deliverSession(ctx context.Context, id string) outcome {
	unlock, ok := j.locks.lock(ctx, id)
	if !ok {
		return blocked
	}
	defer unlock()
	s, ok := j.pendingSession(id)
	switch {
	case !ok:
		return done
	case time.Now().Before(s.askAfter):
		return blocked
	case j.isTooOld(&s) && (s.Sent != nil || s.Waiting != nil):
		return j.setAside(&s, "older than 30 days")
	case s.Timestamp != nil && s.Sent == nil:
		return j.correctTime(ctx, s)
	case s.Gone:
		return j.deliverGone(ctx, s)
	case s.Sent == nil && s.Waiting == nil:
		return j.deliverEnd(ctx, s)
	}
	return j.deliverOpen(ctx, s)
}

// pendingSession returns a copy of a session of which something waits.
func (j *Journal) pendingSession(id string) (s listening, ok bool) {
	j.lock()
	defer j.unlock()
	l := j.sessions[id]
	if l == nil {
		return s, false
	}
	if !l.pending() {
		l.backlog = false
		j.changedLocked()
		return s, false
	}
	return *l, true // intervals and timestamps are replaced, never changed
}

// update changes a session durably. It reports false, and changes nothing,
// where the session is gone or the change cannot be written.
func (j *Journal) update(id string, change func(*listening)) bool {
	j.lock()
	defer j.unlock()
	l := j.sessions[id]
	if l == nil {
		return false
	}
	next := *l
	change(&next)
	next.backlog = next.pending()
	if j.writeLocked(record{Session: &next}) != nil {
		return false
	}
	j.changedLocked()
	return true
}

// waitFor makes a session wait before the server is asked about it.
func (j *Journal) waitFor(id string, pause time.Duration) {
	j.lock()
	defer j.unlock()
	if l := j.sessions[id]; l != nil {
		l.askAfter = time.Now().Add(pause)
	}
}

// deliverOpen delivers to a session that may be open at the server.
func (j *Journal) deliverOpen(ctx context.Context, s listening) outcome {
	in, v := j.client.openSession(ctx, s.ID)
	switch v {
	case gone:
		return j.foundGone(ctx, s)
	case refused:
		return j.setAside(&s, "the session belongs to somebody else")
	case stuck:
		return j.tryAgain(&s)
	case temporary:
		return later
	}
	switch {
	case s.Recovered && s.Known:
		return j.compare(s, in)
	case s.Sent == nil:
	case s.Known && s.counted(in.Sum):
		// The answer was lost, but the report had arrived.
		return stepped(j.update(s.ID, func(l *listening) {
			l.Timestamp = &timestamp{j.client.clock.server(s.Sent.At), s.Sent.Position}
			l.Position, l.Sent, l.Base, l.Info = s.Sent.Position, nil, in.Sum, in
		}))
	case s.notCounted != s.Sent:
		// The server may have stood still, with the report before this question
		// in its queue. Once it has answered, a second question is certain.
		j.askOnceMore(s.ID, s.Sent)
		return blocked
	}
	// From here on the server's sum is known, and nothing of ours is under way.
	return j.sendToOpen(ctx, s, in)
}

// askOnceMore makes the delivery ask again whether the server has counted sent.
func (j *Journal) askOnceMore(id string, sent *interval) {
	j.lock()
	defer j.unlock()
	if l := j.sessions[id]; l != nil {
		l.notCounted, l.askAfter = sent, time.Now().Add(graceCut)
	}
}

// sendToOpen sends what waits of a session that is open at the server, where in
// is what the server says of it.
func (j *Journal) sendToOpen(ctx context.Context, s listening, in *info) outcome {
	p, err := j.client.place(ctx, in.Item, in.Episode)
	if err != nil {
		return later
	}
	var send *interval
	if !j.update(s.ID, func(l *listening) {
		send = l.Sent.then(l.Waiting)
		l.Base, l.Known, l.Info, l.Sent, l.Waiting = in.Sum, true, in, send, nil
	}) {
		return later
	}
	at := timestamp{j.client.clock.server(send.At), send.Position}
	if j.isNewer(p, at.At, itemID{in.Item, in.Episode}) {
		// Another device is further: the time counts, the place stays.
		at = timestamp{p.LastUpdate, *p.CurrentTime}
	}
	kind := Sync
	if s.Closing {
		kind = End
	}
	a, v, grace := j.client.report(ctx, Report{Kind: kind, Session: s.ID, Body: send.body(at.Position), Header: s.header()})
	switch v {
	case taken:
		return stepped(j.update(s.ID, func(l *listening) {
			l.Base, l.Position, l.Sent, l.Timestamp, l.Tries = l.Base+send.Time, at.Position, nil, &at, 0
			l.Gone = kind == End // by its end
		}))
	case gone:
		return more // since the question; the next step finds out
	case refused:
		return j.setAside(&s, string(a.Body))
	}
	j.waitFor(s.ID, grace)
	if v == stuck {
		return j.tryAgain(&s)
	}
	return later
}

// stepped is the outcome of a step that ended with an update.
func stepped(ok bool) outcome {
	if ok {
		return more
	}
	return later // the disk does not take it at the moment
}

// deliverEnd ends a session of which nothing else waits.
func (j *Journal) deliverEnd(ctx context.Context, s listening) outcome {
	a, v, _ := j.client.report(ctx, Report{Kind: End, Session: s.ID, Header: http.Header{}})
	switch v {
	case taken, gone:
		return j.endOrRest(&s)
	case refused:
		return j.setAside(&s, string(a.Body))
	case stuck:
		return j.tryAgain(&s)
	}
	return later
}

// endOrRest removes a session that its player has ended, and keeps another.
func (j *Journal) endOrRest(s *listening) outcome {
	j.lock()
	l := j.sessions[s.ID]
	ended := l != nil && l.Closing && l.Waiting == nil && l.Sent == nil
	j.unlock()
	if ended {
		return j.finish(s)
	}
	return stepped(j.update(s.ID, func(*listening) {}))
}

// correctTime gives a progress the time at which the user was there, if the
// place is still the one that was delivered.
func (j *Journal) correctTime(ctx context.Context, s listening) outcome {
	p, err := j.client.place(ctx, s.Info.Item, s.Info.Episode)
	if err != nil {
		return later
	}
	if p != nil && p.at(s.Timestamp.Position) && p.LastUpdate > s.Timestamp.At {
		body, _ := json.Marshal(map[string]int64{"lastUpdate": s.Timestamp.At})
		a, err := j.client.ask(ctx, http.MethodPatch, progressPath(s.Info.Item, s.Info.Episode), body, nil)
		if err != nil || judge(Patch, a) == temporary {
			return later
		}
	}
	return stepped(j.update(s.ID, func(l *listening) { l.Timestamp = nil }))
}
