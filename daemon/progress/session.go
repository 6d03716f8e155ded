package progress

import (
	"context"
	"io"
	"time"
)

// Opened tells the journal of a session that the server has just opened: the
// answer to a play, as far as there is more of it than is needed.
func (j *Journal) Opened(answer io.Reader) {
	id, in, err := readInfo(answer)
	if err != nil || !goodID(id) {
		return // it is asked for when it is needed
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for other, l := range j.sessions {
		// The server closes what was open on the same device (abs:
		// server/managers/PlaybackSessionManager.js, startSession). What its
		// player still says in bad weather is kept all the same.
		if in.Device != "" && l.Info != nil && l.Info.Device == in.Device && other != id {
			l.Closed, l.dirty = true, true
		}
	}
	if j.sessions[id] == nil && !j.closed {
		// Written at once: a session that is never seen again, neither by a
		// daemon that was killed nor by a server that was restarted, could not
		// be reported.
		l := &listening{id, account{Info: in, Base: in.Sum, Known: true, Position: in.Position, Seen: time.Now().UnixMilli()}}
		j.sessions[id] = l
		if j.writeLocked(edit{bucketSessions, []byte(id), l}) == nil {
			l.stored = true
		}
	}
	j.pruneLocked()
}

// maxIdle is how many sessions are remembered of which nothing waits.
const maxIdle = 200

func (j *Journal) pruneLocked() {
	for len(j.sessions) > maxIdle {
		var oldest *listening
		for _, l := range j.sessions {
			if !l.pending() && (oldest == nil || l.Seen < oldest.Seen) {
				oldest = l
			}
		}
		if oldest == nil {
			return
		}
		j.forgetLocked(oldest)
	}
}

// forgetLocked drops a session of which nothing waits.
func (j *Journal) forgetLocked(l *listening) {
	delete(j.sessions, l.ID)
	if l.stored && j.store.isOpen() {
		if err := j.writeLocked(edit{bucketSessions, []byte(l.ID), nil}); err != nil {
			j.log.Warn("a session that has ended is still in the journal", "reason", err)
		}
	}
}

// lostCount says that a report of the session went past the journal: what the
// server has counted must be asked anew.
func (j *Journal) lostCount(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if l := j.sessions[id]; l != nil && !l.pending() {
		j.forgetLocked(l)
	}
}

// takeSession is Take for what adds to a sum; s is nil for an end without a
// last report. The report is durable before it is sent: only then can a crash
// at any moment be told from one before or after.
func (j *Journal) takeSession(ctx context.Context, r Report, s *spell) (Answer, error) {
	leave, free := j.lanes.enter(ctx, r.Session)
	if free {
		defer leave()
	}
	j.mu.Lock()
	l := j.sessions[r.Session]
	if !free || j.closed || j.waitingLocked() > 0 || l != nil && l.Gone {
		defer j.mu.Unlock()
		return j.keepSessionLocked(r, s)
	}
	if s != nil && !j.store.isOpen() {
		if err := j.openLocked(); err != nil {
			j.mu.Unlock()
			return Answer{}, ErrNotOurs
		}
		l = j.sessions[r.Session]
	}
	known := l != nil && l.Known
	j.mu.Unlock()

	if s != nil && !known {
		in, v := j.client.openSession(ctx, r.Session)
		switch v {
		case taken:
			l = &listening{r.Session, account{Info: in, Base: in.Sum, Known: true, Position: in.Position}}
		case gone:
			return notFound(), nil
		case refused:
			return Answer{}, ErrNotOurs // a stranger's: the server says it in its own way
		default:
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.keepSessionLocked(r, s)
		}
	}
	if s == nil {
		return j.endNow(ctx, r, l)
	}
	j.mu.Lock()
	l.Sent, l.Closing, l.Seq, l.Seen, l.Agent = s, r.Kind == End, j.nextLocked(), time.Now().UnixMilli(), r.Header.Get("User-Agent")
	j.sessions[r.Session] = l
	if err := j.writeLocked(edit{bucketSessions, []byte(l.ID), l}); err != nil {
		l.Sent, l.Closing = nil, false
		j.forgetLocked(l) // its sum is unknown from here on
		j.mu.Unlock()
		return Answer{}, j.notKept(err, false)
	}
	l.stored, l.dirty = true, false
	j.mu.Unlock()

	a, v, quiet := j.client.report(ctx, r)

	j.mu.Lock()
	defer j.mu.Unlock()
	l.quiet = time.Now().Add(quiet)
	switch v {
	case taken:
		l.countedNow()
		if l.dirty = true; r.Kind == End {
			j.forgetLocked(l)
			j.restLocked()
		}
		return a, nil
	case refused:
		l.Sent, l.Closing, l.dirty = nil, false, true
		return a, nil
	case gone:
		if l.Closed {
			l.Sent, l.Closing, l.dirty = nil, false, true
			return a, nil // its player may know
		}
		// It was open: the server has restarted since. What it does not know
		// any more can still be reported as listened to offline.
		l.Gone = true
		l.dirty = true
	}
	l.backlog = true
	j.turnedLocked()
	j.wakeLocked()
	return keptOK(), nil
}

// countedNow notes that the server has counted Sent.
func (l *listening) countedNow() {
	l.Base += l.Sent.Time
	l.Position = l.Sent.Position
	l.Sent = nil
}

// endNow ends a session without a last report.
func (j *Journal) endNow(ctx context.Context, r Report, l *listening) (Answer, error) {
	a, v, _ := j.client.report(ctx, r)
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case v == weather || v == stuck:
		return j.keepSessionLocked(r, nil)
	case l != nil && (v == taken || v == gone):
		j.forgetLocked(l)
		j.restLocked()
		if v == gone {
			return keptOK(), nil // one that the server forgot has ended, too
		}
	}
	return a, nil
}

// keepSessionLocked makes a report of a session durable and has it delivered.
func (j *Journal) keepSessionLocked(r Report, s *spell) (Answer, error) {
	if err := j.openLocked(); err != nil {
		return Answer{}, j.notKept(err, true)
	}
	l := j.sessions[r.Session]
	if l != nil && l.Closing {
		return notFound(), nil
	}
	next := &listening{ID: r.Session}
	if l != nil {
		own := *l
		next = &own
	}
	next.Waiting = next.Waiting.then(s)
	next.Closing = r.Kind == End
	next.Seq, next.Seen, next.Agent = j.nextLocked(), time.Now().UnixMilli(), r.Header.Get("User-Agent")
	if err := j.writeLocked(edit{bucketSessions, []byte(r.Session), next}); err != nil {
		return Answer{}, j.notKept(err, true)
	}
	next.stored, next.dirty, next.backlog = true, false, true
	if l == nil {
		j.sessions[r.Session] = next
	} else {
		l.account = next.account // a delivery may hold it
	}
	j.turnedLocked()
	j.wakeLocked()
	return keptOK(), nil
}
