// Package failpoint lets a test kill the real program between any two steps of
// what it does. Nothing else can show that a crash there loses nothing.
//
// Released programs contain none of it. Whoever can set the environment of a
// program could otherwise kill it between a server's answer and its writing,
// and a session would be lost. There Reached is empty, and the compiler leaves
// it out. It reads the environment only when the program is built with the tag
// "failpoints". A link-time variable would not do, since the code would be in
// every program.
//
// It never changes what the program does; it ends it, or writes down where it
// has been.
package failpoint

// The environment of a program built with the tag failpoints.
const (
	// KillAt is "<point>" or "<point>#<n>": the program kills itself when it
	// reaches the point for the first or the nth time.
	KillAt = "SHELFKEEPER_FAILPOINT"
	// Trace is the path of a file to which each point reached is appended, one
	// a line.
	Trace = "SHELFKEEPER_FAILPOINT_TRACE"
)
