package proxy

// For the tests that stand before the whole server.
const (
	BusyConns = busyConns
	MaxOthers = maxOthers
	BodyWait  = bodyWait
	MaxReplay = maxReplay
)
