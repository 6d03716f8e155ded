package proxy

// For the tests that stand before the whole server.
const (
	BusyConns = busyConns
	MaxOthers = maxStrangers
	MaxConns  = maxConns
	MaxAskers = maxAskers
	BodyWait  = bodyWait
	MaxReplay = maxReplay
)
