package progress

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Opened tells the journal of a session that the server has just opened. answer
// is the server's answer to a play of a caller; it may end early, after the fields
// that the journal needs.
func (j *Journal) Opened(caller string, answer io.Reader) {
	id, in, err := readInfo(answer)
	if err != nil || !goodID(id) {
		return // the server is asked for it when a report comes
	}
	j.lock()
	defer j.unlock()
	for other, l := range j.sessions {
		// The server closes what was open on the same device (abs:
		// server/managers/PlaybackSessionManager.js, startSession). Reports that
		// its player still sends during an outage are kept all the same.
		if in.Device != "" && l.Info != nil && l.Info.Device == in.Device && other != id {
			l.Closed, l.dirty = true, true
		}
	}
	if j.sessions[id] == nil && !j.isClosed() {
		// It is written at once. If the daemon is killed and the server
		// restarted, nobody else remembers the session, and its time could not
		// be reported.
		l := &listening{ID: id, account: account{
			Info: in, Base: in.Sum, Known: true, Position: in.Position, Seen: time.Now().UnixMilli(), By: j.entries.caller(caller),
		}}
		if j.writeLocked(record{Session: l}) != nil {
			j.putSession(l) // it is remembered all the same
		}
	}
	j.pruneLocked()
}

// maxIdle is how many sessions without a waiting report are remembered.
const maxIdle = 200

// pruneLocked forgets the oldest session of the caller that has most of them.
func (j *Journal) pruneLocked() {
	for len(j.sessions) > maxIdle {
		var oldest *listening
		for _, l := range j.sessions {
			if l.pending() {
				continue
			}
			if oldest == nil || l.chargedTo == oldest.chargedTo && l.Seen < oldest.Seen ||
				l.chargedTo != oldest.chargedTo && sessionsOf(l.chargedTo) > sessionsOf(oldest.chargedTo) {
				oldest = l
			}
		}
		if oldest == nil {
			return
		}
		j.forgetLocked(oldest)
	}
}

func sessionsOf(c *caller) int {
	if c == nil {
		return 0
	}
	return c.sessions
}

// fitsSession reports whether one more session of a caller may wait.
func (e *entries) fitsSession(by *caller) bool {
	own, others := 0, 0
	for _, l := range e.sessions {
		switch {
		case !l.backlog:
		case l.By == by:
			own++
		default:
			others++
		}
	}
	return own < share(maxSessions, others)
}

// forgetLocked removes a session without a waiting report.
func (j *Journal) forgetLocked(l *listening) {
	gone := record{Removed: &removed{Session: l.ID}}
	if l.stored && j.store.isOpen() {
		l.dirty = false
		if err := j.writeLocked(gone); err != nil {
			j.log.Warn("a session that has ended is still in the journal", "reason", err)
		}
	}
	j.apply(gone)
}

// bypassed is called when a report of the session goes to the server without
// the journal. The sum that the server has counted is unknown from then on.
func (j *Journal) bypassed(id string) {
	j.lock()
	defer j.unlock()
	if l := j.sessions[id]; l != nil && !l.pending() {
		j.forgetLocked(l)
	}
}

// takeSession is Take for reports that add to a sum. s is nil for an end
// without a last report. The report is written to disk before it is sent, so
// that after a crash at any moment the journal knows whether it may be counted.
func (j *Journal) takeSession(ctx context.Context, r Report, s *interval) (Answer, error) {
	unlock, free := j.locks.lock(ctx, r.Session)
	if free {
		defer unlock()
	}
	l, direct, err := j.directSession(ctx, r, s, free)
	switch {
	case err != nil:
		return Answer{}, err
	case !direct:
		return j.keepSession(r, s)
	case s == nil:
		return j.endNow(ctx, r)
	case l == nil:
		return notFound(), nil
	}
	if err := j.beginSending(l, r, s); err != nil {
		return Answer{}, err
	}
	a, v, grace := j.client.report(ctx, r)
	return j.endSending(l, r, a, v, grace), nil
}

// directSession returns the session if its report may go to the server at once.
// direct is false where the report has to wait. With direct, l is nil where the
// server does not know the session; a report without an interval needs none.
func (j *Journal) directSession(ctx context.Context, r Report, s *interval, free bool) (l *listening, direct bool, err error) {
	j.lock()
	l = j.sessions[r.Session]
	if !free || j.isClosed() || j.waiting() > 0 || l != nil && l.Gone {
		j.unlock()
		return nil, false, nil
	}
	if s != nil && !j.store.isOpen() {
		if err := j.openLocked(); err != nil {
			j.unlock()
			return nil, false, ErrNotOurs
		}
		l = j.sessions[r.Session]
	}
	known := s == nil || l != nil && l.Known
	j.unlock()
	if known {
		return l, true, nil
	}
	switch in, v := j.client.openSession(ctx, r.Session); v {
	case taken:
		return &listening{ID: r.Session, account: account{Info: in, Base: in.Sum, Known: true, Position: in.Position}}, true, nil
	case gone:
		return nil, true, nil
	case refused:
		return nil, false, ErrNotOurs // a stranger's: the server refuses it in its own words
	}
	return nil, false, nil
}

// beginSending writes down that s is on its way to the server.
func (j *Journal) beginSending(l *listening, r Report, s *interval) error {
	j.lock()
	defer j.unlock()
	l.Sent, l.Closing, l.Seq, l.Seen, l.Agent = s, r.Kind == End, j.nextSeq(), time.Now().UnixMilli(), agentOf(r)
	l.By = j.entries.caller(r.Caller)
	if err := j.writeLocked(record{Session: l}); err != nil {
		l.Sent, l.Closing = nil, false
		j.forgetLocked(l) // its sum is unknown from here on
		return j.notKept(err, false)
	}
	return nil
}

// endSending records what the server answered, and returns what the player is
// told.
func (j *Journal) endSending(l *listening, r Report, a Answer, v verdict, grace time.Duration) Answer {
	j.lock()
	defer j.unlock()
	l.askAfter = time.Now().Add(grace)
	switch v {
	case taken:
		l.Base += l.Sent.Time
		l.Position, l.Sent, l.dirty = l.Sent.Position, nil, true
		if r.Kind == End {
			j.forgetLocked(l)
			j.closeIdleLocked()
		}
		return a
	case refused:
		l.Sent, l.Closing, l.dirty = nil, false, true
		return a
	case gone:
		if l.Closed {
			l.Sent, l.Closing = nil, false
			// Its player may know. It is written before the player is told, since after a crash
			// the time would be reported as listened to offline, and the player reports it anew.
			l.dirty = j.writeLocked(record{Session: l}) != nil
			return a
		}
		// It was open, so the server has restarted since. What it has forgotten
		// can still be reported as listened to offline.
		l.Gone, l.dirty = true, true
	}
	l.backlog = true
	j.setPromptLocked(true)
	j.changedLocked()
	j.Wake()
	return keptOK()
}

// endNow ends a session without a last report.
func (j *Journal) endNow(ctx context.Context, r Report) (Answer, error) {
	a, v, _ := j.client.report(ctx, r)
	if v == temporary || v == stuck {
		return j.keepSession(r, nil)
	}
	j.lock()
	defer j.unlock()
	if l := j.sessions[r.Session]; l != nil && (v == taken || v == gone) {
		j.forgetLocked(l)
		j.closeIdleLocked()
		if v == gone {
			return keptOK(), nil // a session that the server forgot has ended, too
		}
	}
	return a, nil
}

// keepSession makes a report of a session durable and has it delivered.
func (j *Journal) keepSession(r Report, s *interval) (Answer, error) {
	if err := j.lockFor(diskPatience); err != nil {
		return Answer{}, err
	}
	defer j.unlock()
	if err := j.openLocked(); err != nil {
		return Answer{}, j.notKept(err, true)
	}
	l := j.sessions[r.Session]
	if l != nil && l.Closing {
		return notFound(), nil
	}
	next := &listening{ID: r.Session}
	if l != nil {
		next.account = l.account
	}
	next.Waiting = next.Waiting.then(s)
	next.Closing = r.Kind == End
	next.Seq, next.Seen, next.Agent = j.nextSeq(), time.Now().UnixMilli(), agentOf(r)
	next.backlog = true
	by := j.entries.caller(r.Caller)
	next.By = by
	var t tally
	if l == nil || !l.backlog {
		t = tally{added: 1, size: next.size()}
		if !j.fitsSession(by) {
			j.entries.forget(by)
			return Answer{}, ErrFull
		}
	}
	if err := j.keepLocked(by, t, nil, []record{{Session: next}}); err != nil {
		return Answer{}, j.notKept(err, true)
	}
	return keptOK(), nil
}

// agentOf is the player's User-Agent, as far as it is kept.
func agentOf(r Report) string {
	agent := r.Header.Get("User-Agent")
	return agent[:min(len(agent), maxAgent)]
}

// header is what a report of the session carries beside the account's token.
func (l *listening) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if l.Agent != "" {
		h.Set("User-Agent", l.Agent)
	}
	return h
}
