package stream

// For the tests that stand before the whole server.
const (
	Stall      = stall
	Patience   = patience
	WakeProbe  = wakeProbe
	FirstPause = firstPause
)
