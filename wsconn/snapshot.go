package wsconn

import "time"

// State is what a Socket is doing, in one word, as status --json shows it.
type State string

// The states.
const (
	Off           State = "off"           // not started, closed, or none is to be had
	Waiting       State = "waiting"       // for the next try, or for a token
	Connecting    State = "connecting"    // on the way to the server
	Connected     State = "connected"     // joined, and nobody's yet
	Authenticated State = "authenticated" // events arrive
)

// Cause is the kind of reason for which a Socket is not authenticated.
type Cause string

// The causes.
const (
	NoCause      Cause = ""         // it is, or it has not yet tried
	CauseWeather Cause = "weather"  // network, gateway, server
	CauseRefused Cause = "refused"  // auth_failed, also with a fresh token
	CauseNoToken Cause = "no-token" // the session has none; its own conditions say why
	CauseAPIKey  Cause = "api-key"  // see NoSocket
)

// Snapshot is the state of a Socket at one moment. It holds no secret.
type Snapshot struct {
	State State
	Since time.Time // of the state
	// Reconnects is how often it was authenticated again after it had been lost.
	Reconnects int
	Cause      Cause
	// Reason says in words why it is not authenticated or, once it is, why it
	// was not before; empty if it never failed.
	Reason string
	// Period is after how long something on the way cuts every connection, as
	// far as that was learnt; 0 if nothing does. Such an end is no trouble: the
	// socket is back at once, and Cause stays NoCause unless that fails.
	Period time.Duration
	// Dropped counts events that the consumer was too slow for.
	Dropped uint64
}

// Degraded reports whether live events are missing for a reason of the
// socket's own. It stays true from the loss until the next authentication,
// through all tries in between; REST may work all the same.
func (s Snapshot) Degraded() bool { return s.Cause == CauseWeather || s.Cause == CauseRefused }
