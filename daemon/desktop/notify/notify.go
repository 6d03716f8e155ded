// Package notify shows desktop notifications. Each is shown once, and
// withdrawn when its cause has passed.
//
// It exists so that its caller only says which messages apply now. It never
// blocks the caller: the desktop's own service may hang, restart, come late or
// not exist.
//
// On Linux and the BSDs it calls org.freedesktop.Notifications through godbus,
// which the program has anyway. The library github.com/esiqveland/notify wraps
// the same three calls, and does not notice a service that restarts. On
// Windows it uses wintoast of go-toast, which is COM without cgo and tells of
// a click; beeep, better known, tells of none. On macOS it starts programs.
package notify

import (
	"slices"
	"sync"
)

// Notice is one message. Its Key says what it is about: it is shown once, as
// long as a notice of that key holds without a break.
type Notice struct {
	Key         string
	Title, Body string
	Label       string // of its button, "" for none; a click on the message does the same
	Account     string // that it is about, "" for none
}

// shownAtMost bounds the notices that are kept; accounts are few.
const shownAtMost = 32

// wish holds the notices that hold now. Sets that come faster than they are
// looked at replace each other, but a notice that was gone in between is known
// to be over.
type wish struct {
	changed chan struct{} // one place

	mu   sync.Mutex
	now  []Notice
	over []string
}

func newWish() *wish { return &wish{changed: make(chan struct{}, 1)} }

func (w *wish) set(notices []Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.now {
		if !slices.ContainsFunc(notices, func(m Notice) bool { return m.Key == n.Key }) {
			w.over = append(w.over, n.Key)
		}
	}
	w.now = slices.Clone(notices)
	select {
	case w.changed <- struct{}{}:
	default: // the place is taken: whoever looks sees the newest
	}
}

func (w *wish) take() (now []Notice, over []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, over, w.over = w.now, w.over, nil
	return now, over
}
