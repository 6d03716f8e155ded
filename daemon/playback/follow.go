package playback

import "context"

// Follow plays an item with a program that tells over D-Bus what it plays (MPRIS), and
// reports what is heard.
type Follow struct {
	// Argv starts the program; none waits for one that the user has started.
	Argv []string
	// Item is what is reported. What else the program plays is the user's.
	Item string
	// Open opens the session, when a program is there that tells what it plays.
	Open func(context.Context) (*Session, error)
	// Say is told what the user should know.
	Say func(string)
}
