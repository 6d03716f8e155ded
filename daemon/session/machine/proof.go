package machine

import (
	"time"

	"shelfkeeper/keychain"
)

// A ping before a refresh tells whether Audiobookshelf itself answers here, and not a
// captive portal, another machine with its address or a gateway alone. A handshake
// tells no less about the network. So where the server has answered in this network
// before, and nothing has gone wrong since, somebody who waits is spared the ping.

// proofHolds is how long an answer speaks for the network in which it came.
const proofHolds = 24 * time.Hour

// proven notes that the server itself has answered.
func (m *machine) proven() { m.ProvenAt = m.now }

// disturbed notes a start, a wake-up or a change of the network: what was known of the
// network may be over.
func (m *machine) disturbed() { m.DisturbedAt, m.ProvenAt = m.now, time.Time{} }

// WantsProof reports whether it is worth a ping to know that the server answers in
// this network: the next caller gets a token sooner then.
func (s *State) WantsProof() bool {
	return s.ProvenAt.IsZero() && s.Phase == Fresh && !s.Busy() && !s.Closing && !s.Clocks.OnDemand
}

// provedBy takes the answer to a ping that was sent at that moment.
func (m *machine) provedBy(f Proven) {
	if !f.Sent.Before(m.DisturbedAt) {
		m.proven()
	}
}

// spared reports whether the attempt may present the token on a connection that
// nothing has travelled on yet: somebody waits, nothing was lost before, and an answer
// that gets lost is asked for again or costs nobody anything.
func (m *machine) spared() bool {
	known := !m.ProvenAt.IsZero() && m.now.Sub(m.ProvenAt) < proofHolds && !m.now.Before(m.ProvenAt)
	quiet := m.Pauses.Failures == 0 && m.Failure == nil && m.Record.Intent == nil && !m.Lost && m.Suspicion.Undecided == nil &&
		m.Suspicion.InvalidAnswers == 0
	return known && quiet && m.hurried() && !m.Attempt.ByUser && m.Change.Wanted == nil && m.Record.Static.IsEmpty() &&
		(m.Rules.Grace > 0 || m.comesBack()) && m.aim() == keychain.RenewPair
}
