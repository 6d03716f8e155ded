package handover

import "sync"

// Ending says why a daemon ends, and what whoever runs it does then. Of Quit, Restart and
// Replace the first counts. Make it with NewEnding.
type Ending struct {
	begun chan struct{}
	once  sync.Once
	why   wayToEnd // is written before begun is closed
}

// wayToEnd is what comes after a daemon.
type wayToEnd int

const (
	ended    wayToEnd = iota
	again             // another daemon of this process
	replaced          // the program that is installed
)

// NewEnding returns an ending that has not begun.
func NewEnding() *Ending { return &Ending{begun: make(chan struct{})} }

func (e *Ending) begin(why wayToEnd) {
	e.once.Do(func() { e.why = why; close(e.begun) })
}

// Quit asks the daemon to end.
func (e *Ending) Quit() { e.begin(ended) }

// Restart asks whoever runs the daemon to make another one, with the configuration as it
// is then.
func (e *Ending) Restart() { e.begin(again) }

// Replace asks whoever runs the daemon to run the installed program in its place.
func (e *Ending) Replace() { e.begin(replaced) }

// Quitting returns a channel that is closed when the daemon is asked to end.
func (e *Ending) Quitting() <-chan struct{} { return e.begun }

func (e *Ending) is(why wayToEnd) bool {
	select {
	case <-e.begun:
		return e.why == why
	default:
		return false
	}
}

// Restarting reports whether another daemon is to follow.
func (e *Ending) Restarting() bool { return e.is(again) }

// Replacing reports whether the installed program is to follow.
func (e *Ending) Replacing() bool { return e.is(replaced) }

// Why is a sentence for the log.
func (e *Ending) Why() string {
	switch {
	case e.Replacing():
		return "Shelfkeeper makes way for the program that is installed"
	case e.Restarting():
		return "Shelfkeeper begins anew: its settings were changed"
	}
	return "Shelfkeeper ends: it was asked to quit"
}
