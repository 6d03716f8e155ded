package proxy

// For the tests that stand before the whole server.
const (
	BusyConns = busyConns
	MaxOthers = maxStrangers
	BodyWait  = bodyWait
	MaxReplay = maxReplay
)
