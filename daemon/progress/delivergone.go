package progress

import "context"

// compare makes a session right whose newest states were lost with a part of the
// file: of what waits, the server's sum tells how much is counted.
func (j *Journal) compare(s listening, in *info) outcome {
	all := s.Sent.then(s.Waiting)
	lacks := s.unsent(all, in.Sum)
	asked := s.Sent
	if asked == nil {
		asked = s.Waiting
	}
	if lacks > sumSlack && s.notCounted != asked {
		j.askOnceMore(s.ID, asked)
		return blocked
	}
	return stepped(j.update(s.ID, func(l *listening) {
		l.Sent, l.Waiting, l.Recovered, l.Base, l.Info = nil, nil, false, in.Sum, in
		switch {
		case all == nil:
		case lacks > sumSlack:
			rest := *all
			rest.Time = lacks
			l.Waiting = &rest
		default:
			l.Position, l.Timestamp = all.Position, &timestamp{j.client.clock.server(all.At), all.Position}
		}
	}))
}

// foundGone records that the server does not know the session any more. If the
// journal never saw the session, the server's list of sessions may have it.
func (j *Journal) foundGone(ctx context.Context, s listening) outcome {
	in, base := s.Info, s.Base
	if !s.Known || in == nil || s.Recovered {
		found, err := j.client.listened(ctx, s.ID)
		switch {
		case err != nil:
			return later
		case s.Known && in != nil && found != nil:
			if out := j.compare(s, found); out != more {
				return out
			}
			return stepped(j.update(s.ID, func(l *listening) { l.Gone = true }))
		case s.Known && in != nil: // the server has not written it down
			known := *in
			known.Sum = base
			found = &known
		case found == nil:
			return j.setAside(&s, "the server does not know this session, and has never written it down")
		}
		in, base = found, found.Sum
	}
	return stepped(j.update(s.ID, func(l *listening) {
		l.Gone, l.Info, l.Base, l.Known, l.Recovered = true, in, base, true, false
	}))
}

// deliverGone reports a session that the server has forgotten as one listened
// to offline, under its own id and with the absolute sum. The result is the same
// whether or not the server had counted Sent.
func (j *Journal) deliverGone(ctx context.Context, s listening) outcome {
	if s.Sent == nil && s.Waiting == nil {
		return j.endOrRest(&s)
	}
	var send *interval
	if !j.update(s.ID, func(l *listening) {
		send = l.Sent.then(l.Waiting)
		l.Sent, l.Waiting = send, nil
	}) {
		return later
	}
	p, err := j.client.place(ctx, s.Info.Item, s.Info.Episode)
	if err != nil {
		return later
	}
	came := j.client.clock.server(send.At)
	at := came
	if p != nil && p.LastUpdate >= at && !j.isNewer(p, at, s.item()) {
		at = p.LastUpdate + 1 // p is our own, of a moment ago, or of a clock that is ahead
	}
	body, err := s.Info.offline(s.Base+send.Time, send.Position, at)
	if err != nil {
		return j.setAside(&s, "the session cannot be read")
	}
	a, v, _ := j.client.report(ctx, Report{Kind: Local, Body: body, Header: s.header()})
	switch v {
	case taken:
		var correct *timestamp
		if p == nil || j.client.clock.isAhead(at) {
			// The server put its own time into a new progress, or the time is
			// one that was needed to be taken at all.
			correct = &timestamp{came, send.Position}
		}
		return stepped(j.update(s.ID, func(l *listening) {
			l.Base, l.Position, l.Sent, l.Timestamp, l.Tries = l.Base+send.Time, send.Position, nil, correct, 0
		}))
	case gone, refused:
		return j.setAside(&s, string(a.Body))
	case stuck:
		return j.tryAgain(&s)
	}
	return later
}
