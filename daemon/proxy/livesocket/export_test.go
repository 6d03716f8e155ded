package livesocket

// For the tests that stand before the whole server.
const (
	UnsentMost = unsentFrames
)
