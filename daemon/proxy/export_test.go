package proxy

// For the tests that stand before the whole server.
const (
	BusyConns  = busyConns
	MaxOthers  = maxStrangers
	MaxUnasked = maxUnasked
	MaxAskers  = maxAskers
	BodyWait   = bodyWait
	MaxReplay  = maxReplay
)
