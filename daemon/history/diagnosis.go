package history

import (
	"fmt"
	"slices"
	"time"
)

// Diagnosis is the most likely cause of a loss.
type Diagnosis struct {
	At    time.Time // when the server said so
	Cause Cause
	// Certain: the record proves it. Otherwise it is what fits best.
	Certain  bool
	Sentence string // what happened, for people
	Remedy   string // what to do; "" once the session is back
	// Recovered: the account has been signed in again since.
	Recovered bool
}

// Release is what a server version decides about losses.
type Release struct {
	Version string
	Grace   time.Duration // how long the token before the newest is answered
	// GraceSet: the server's owner may have set another Grace.
	GraceSet bool
	// Collides: two sessions of one user begun or renewed in the same second
	// hold the same token.
	Collides bool
	// PasswordEnds: a new password ends the user's sessions.
	PasswordEnds bool
}

// Peer is another account on the same server.
type Peer struct {
	Account  string
	SameUser bool
	Entries  []Entry
}

// Circumstances are what a diagnosis needs beside the account's own record.
type Circumstances struct {
	Release func(version string) Release
	Peers   []Peer
}

// Diagnose returns the most likely cause of the newest loss in entries, oldest
// first, and whether there was one. It is a pure function.
func Diagnose(entries []Entry, c Circumstances) (Diagnosis, bool) {
	i := newestLoss(entries)
	if i < 0 {
		return Diagnosis{}, false
	}
	k := newCase(entries, i, c)
	d := k.find()
	d.At, d.Recovered = entries[i].At, k.recovered
	if d.Recovered {
		d.Remedy = ""
	}
	return d, true
}

// newestLoss returns the index of the first refusal of the token that was
// refused last, or -1. Later refusals of that token, at every start and click
// since, only repeat it.
func newestLoss(entries []Entry) int {
	at := -1
	var alive []time.Time // tokens that were taken later: it was another server that refused them
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		switch {
		case at < 0 && e.Outcome == Renewed:
			// The session works again; an older loss is still reported.
			if e.Kind == Refresh {
				alive = append(alive, e.Issued)
			}
		case isLoss(e) && slices.ContainsFunc(alive, e.Issued.Equal):
		case at < 0 && isLoss(e):
			at = i
		case at >= 0 && isLoss(e) && e.Outcome == entries[at].Outcome && e.Issued.Equal(entries[at].Issued):
			at = i
		case at >= 0 && (e.Outcome == Renewed || e.Outcome == SignedIn):
			return at
		}
	}
	return at
}

func isLoss(e Entry) bool {
	return e.Kind == Refresh && (e.Outcome == Lost || e.Outcome == Expired || e.Outcome == HeaderRemoved)
}

// lossCase is a loss with everything in the record that tells about its cause.
type lossCase struct {
	Entry   // the first refusal
	release Release
	peers   []Peer

	before     []Entry   // everything that came before the refusal
	unanswered *Entry    // the first time that the same token was presented and no answer came
	unwritten  *Entry    // a token that came in exchange and could not be written to disk
	cutOff     bool      // an attempt with the same token ended without an entry
	newest     time.Time // when the newest token that was kept was issued
	lastGood   time.Time // when the newest success before the refusal was

	tokenAnswer     TokenAnswer // of this refusal, or of one that repeated it
	row             Row
	name            string
	passwordRefused bool
	otherUser       bool
	recovered       bool
}

func newCase(entries []Entry, at int, c Circumstances) *lossCase {
	k := &lossCase{Entry: entries[at], before: entries[:at], peers: c.Peers}
	if c.Release != nil {
		k.release = c.Release(k.Release)
	}
	k.readBefore()
	k.readSince(entries[at:])
	return k
}

// readBefore collects what the attempts before the loss tell.
func (k *lossCase) readBefore() {
	presented := false // an earlier attempt presented the token that was refused
	for i := range k.before {
		e := &k.before[i]
		if e.Received.After(k.newest) && e.Outcome != NotWritten {
			k.newest = e.Received
		}
		if e.Outcome.succeeded() {
			k.lastGood = e.At
		}
		if !k.sameToken(e) {
			continue
		}
		switch {
		case e.Outcome == Unanswered && k.unanswered == nil:
			k.unanswered = e
		case e.Outcome == NotWritten && !e.Received.IsZero() && k.unwritten == nil:
			k.unwritten = e
		}
		if e.Attempt > 0 && !presented {
			presented, k.cutOff = true, e.Attempt > 1
		}
	}
	if !presented {
		k.cutOff = k.Attempt > 1
	}
}

// sameToken reports whether e presented the token that was refused.
func (k *lossCase) sameToken(e *Entry) bool {
	return (e.Kind == Refresh || e.Kind == Change) && e.Issued.Equal(k.Issued) && !k.Issued.IsZero()
}

// readSince collects what the refusal, and the entries after it, tell: up to
// the first success.
func (k *lossCase) readSince(entries []Entry) {
	for _, e := range entries {
		switch {
		case e.Outcome.succeeded():
			k.recovered = true
			return
		case e.Outcome == PasswordRefused:
			k.passwordRefused = true
		case e.Outcome == OtherUser:
			k.otherUser = true
		case e.Outcome == Lost && k.tokenAnswer == "":
			k.tokenAnswer, k.row, k.name = e.AccessToken, e.Row, e.Name
		}
	}
}

// find returns the first cause that fits, strongest evidence first. A flat list
// shows the order at one glance.
func (k *lossCase) find() Diagnosis {
	switch {
	case k.Outcome == HeaderRemoved:
		return k.gateway()
	case k.Outcome == Expired:
		return k.ranOut()
	case k.otherUser || k.tokenAnswer == NotAccepted:
		return k.serverReplaced()
	case k.name != "":
		return k.renamed()
	case k.newest.After(k.Issued) && !k.Issued.IsZero():
		return k.vaultRestored()
	case k.unwritten != nil:
		return k.notWritten()
	case k.row != Gone && k.unanswered != nil && k.tooLateSince(k.unanswered.At):
		return k.lostAnswer()
	case k.row != Gone && k.unanswered == nil && k.cutOff:
		return k.interrupted()
	}
	if with, ok := k.twin(); ok {
		return k.collision(with)
	}
	switch {
	case k.row == There:
		return k.usedElsewhere()
	case k.passwordRefused:
		return k.passwordChanged()
	case k.othersLostToo():
		return k.serverRestored()
	case k.unanswered != nil && k.row != Gone:
		return k.lostAnswer()
	}
	return k.elsewhere()
}

// tooLateSince reports whether a token that the server may have rotated at t
// was presented again only when the release no longer answered it.
func (k *lossCase) tooLateSince(t time.Time) bool {
	return k.release.Grace == 0 || k.release.GraceSet || k.At.Sub(t) > k.release.Grace
}

// twin returns whose token was issued to the same user in the same second.
func (k *lossCase) twin() (string, bool) {
	if !k.release.Collides || k.Issued.IsZero() {
		return "", false
	}
	for _, p := range k.peers {
		for _, e := range p.Entries {
			if p.SameUser && e.Received.Equal(k.Issued) {
				return fmt.Sprintf("the account %s", p.Account), true
			}
		}
	}
	got := 0
	for _, e := range k.before {
		if e.Received.Equal(k.Issued) && e.Outcome != Adopted {
			got++
		}
	}
	return "another sign-in of this account", got > 1
}

// together bounds how far apart accounts may notice a loss with one cause:
// each account asks the server once in a token's life.
const together = 24 * time.Hour

// othersLostToo reports whether every other account of the server lost its
// session at about the same time.
func (k *lossCase) othersLostToo() bool {
	lost := 0
	for _, p := range k.peers {
		if p.SameUser || len(p.Entries) == 0 {
			continue
		}
		i := newestLoss(p.Entries)
		if i < 0 || p.Entries[i].Outcome != Lost || p.Entries[i].At.Sub(k.At).Abs() > together {
			return false
		}
		lost++
	}
	return lost > 0
}
