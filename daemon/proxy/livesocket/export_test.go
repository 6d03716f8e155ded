package livesocket

// For the tests that stand before the whole server.
const (
	MaxFrame   = maxFrame
	UnsentMost = unsentMost
)
