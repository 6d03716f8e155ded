// Package failpoint lets a test kill the real program between any two steps of
// what it does. Nothing else can show that a crash there loses nothing.
//
// A program that holds secrets must not be stoppable at its most delicate
// moment by whoever can set its environment: killed between a server's answer
// and its writing, it loses a session. So nothing of this is in a program that
// is released. Reached is empty there, and the compiler leaves it out; only
// with the build tag "failpoints" it reads the environment. A link-time
// variable would not do: the code would be in every program, one bit away.
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
