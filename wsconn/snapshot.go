package wsconn

import "time"

// State is the state of a Socket in one word, as status --json shows it.
type State string

// The states.
const (
	Off           State = "off"           // not started, closed, or impossible for this account
	Waiting       State = "waiting"       // for the next attempt, or for a token
	Connecting    State = "connecting"    // an attempt is under way
	Connected     State = "connected"     // joined the namespace, not signed in yet
	Authenticated State = "authenticated" // events arrive
)

// Cause is the kind of reason why a Socket is not authenticated.
type Cause string

// The causes.
const (
	NoCause        Cause = ""          // authenticated, or no attempt has failed yet
	CauseTemporary Cause = "temporary" // network, gateway, server
	CauseRefused   Cause = "refused"   // auth_failed, also with a fresh token
	CauseNoToken   Cause = "no-token"  // the session has none; its conditions give the reason
	CauseAPIKey    Cause = "api-key"   // see NoSocket
)

// Snapshot is the state of a Socket at one moment. It holds no secret.
type Snapshot struct {
	State State
	Since time.Time // of the state
	// Reconnects counts the authentications after a loss.
	Reconnects int
	Cause      Cause
	// Reason says in words why the socket is not authenticated. While it is, it
	// gives the last failure. It is empty when no attempt has failed.
	Reason string
	// Period is the time after which a gateway cuts every connection, as learnt
	// from the last ones, or 0. Such a cut is harmless: the socket is back at
	// once, and Cause stays NoCause unless the new attempt fails.
	Period time.Duration
	// ShortCut is the time after which a gateway cuts every connection, where that is
	// so short that events are missed again and again; otherwise 0.
	ShortCut time.Duration
	// Dropped counts events that were dropped because the consumer was slow.
	Dropped uint64
}

// Degraded reports whether live events are missing for a reason of the socket
// itself. It stays true from the loss until the next authentication. REST may
// work nevertheless.
func (s Snapshot) Degraded() bool { return s.Cause == CauseTemporary || s.Cause == CauseRefused }
