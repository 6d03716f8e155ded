package survival

import "time"

// pause is how long no player has asked for anything when the next request
// counts as the first after a pause.
const pause = 10 * time.Minute

// request is one request of a player that did not go well.
type request struct {
	at     time.Time
	ending ending
}

// askers are what became of the requests of players.
type askers struct {
	requests   int
	failed     []request
	lastAsked  time.Time
	pauseEnded time.Time       // when the newest pause did
	waits      []time.Duration // of the first requests after a pause, those that were served
	waited     map[time.Time]time.Duration
}

// ask notes that a request begins, and reports whether it is the first after a
// pause: a program that opens asks for several things at once.
func (a *askers) ask(at time.Time) (first bool) {
	if a.lastAsked.IsZero() || at.Sub(a.lastAsked) >= pause {
		a.pauseEnded = at
	}
	a.lastAsked = at
	return at.Equal(a.pauseEnded)
}

// answered notes how a request ended.
func (a *askers) answered(at time.Time, first bool, how ending) {
	a.requests++
	switch {
	case how != served:
		a.failed = append(a.failed, request{at, how})
	case first:
		wait := time.Since(at)
		a.waits = append(a.waits, wait)
		if a.waited == nil {
			a.waited = map[time.Time]time.Duration{}
		}
		a.waited[at] = max(a.waited[at], wait)
	}
}

// waitOf returns what the first requests of a burst waited at most.
func (a *askers) waitOf(begin time.Time) time.Duration { return a.waited[begin] }

// play makes one request, if there is somebody to make it. no is its number.
func (w *world) play(no int) {
	w.mu.Lock()
	l, sleeps, at := w.life, w.sleeps, time.Now()
	if l == nil || w.asleep || w.over {
		w.mu.Unlock()
		return
	}
	first := w.askers.ask(at)
	w.mu.Unlock()
	how := w.client.request(no)
	w.mu.Lock()
	// Whoever slept or was restarted meanwhile tells nothing about the session.
	if w.life == l && w.sleeps == sleeps {
		w.askers.answered(at, first, how)
	}
	w.mu.Unlock()
	w.help()
}

// help lets the user sign in by hand, if that is what it takes.
func (w *world) help() {
	if !w.client.signedOut() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signingIn || w.life == nil {
		return
	}
	w.signingIn = true
	w.after(typing, func() {
		w.mu.Lock()
		can, from := w.life != nil && !w.asleep, time.Now()
		w.mu.Unlock()
		signedIn := can && w.client.signedOut() && w.client.signIn() == nil
		w.mu.Lock()
		defer w.mu.Unlock()
		w.signingIn = false
		if signedIn {
			w.signIns = append(w.signIns, span{from, time.Now()})
		}
	})
}

// span is a time in which something did not hold.
type span struct{ from, to time.Time }

// timeline remembers when the server could not be reached, and when the client
// could not have tried.
type timeline struct {
	unreachable, idle []span
}

// mark notes what holds from now on. The world's mutex must be held.
func (w *world) mark() {
	now := time.Now()
	away := w.disruption != clear || w.between
	w.line.unreachable = note(w.line.unreachable, now, away)
	w.line.idle = note(w.line.idle, now, away || w.asleep || w.life == nil)
}

// note opens or closes the last span; one that is open has no end.
func note(spans []span, now time.Time, holds bool) []span {
	open := len(spans) > 0 && spans[len(spans)-1].to.IsZero()
	switch {
	case holds && !open:
		return append(spans, span{from: now})
	case !holds && open:
		spans[len(spans)-1].to = now
	}
	return spans
}

// gaps returns the parts of [from, to] that no span covers.
func gaps(spans []span, from, to time.Time) (free []span) {
	for _, s := range spans {
		if !s.to.IsZero() && !s.to.After(from) {
			continue
		}
		if !s.from.Before(to) {
			break
		}
		if s.from.After(from) {
			free = append(free, span{from, s.from})
		}
		if s.to.IsZero() {
			return free
		}
		from = s.to
	}
	if from.Before(to) {
		free = append(free, span{from, to})
	}
	return free
}
