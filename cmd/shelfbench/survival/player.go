package survival

import "time"

// request is one request of a player that did not go well.
type request struct {
	at     time.Time
	ending ending
}

// play makes one request, if there is somebody to make it.
func (w *world) play() {
	w.mu.Lock()
	l, sleeps, at := w.life, w.sleeps, time.Now()
	if l == nil || w.asleep || w.over {
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	how := w.client.request()
	w.mu.Lock()
	// Whoever slept or was restarted meanwhile tells nothing about the session.
	if w.life == l && w.sleeps == sleeps {
		w.requests++
		if how != served {
			w.players = append(w.players, request{at, how})
		}
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
		can := w.life != nil && !w.asleep
		w.mu.Unlock()
		signedIn := can && w.client.signedOut() && w.client.signIn() == nil
		w.mu.Lock()
		defer w.mu.Unlock()
		w.signingIn = false
		if signedIn {
			w.signIns++
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
