package proxy

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// trickleReserve is how many bytes are held back from a player that takes silence
	// for the end. One after the other they go out while the server is away.
	trickleReserve = 16
	// trickleEvery lies between two of them.
	trickleEvery = 10 * time.Second
)

// needsTrickle reports whether a player takes silence, and a reset too, for the end of
// the book, and asks for nothing again: MPlayer after 20 s (1.5, measured).
func needsTrickle(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("User-Agent"), "MPlayer")
}

// trickle holds the last bytes of a stream back, and sends one of them now and then
// while nothing comes. Its owner writes too, and never at the same time.
type trickle struct {
	send func([]byte) // a byte, and flushes it

	mu      sync.Mutex
	kept    []byte
	waiting bool // the owner waits for the server
	timer   *time.Timer
}

func newTrickle(send func([]byte)) *trickle {
	t := &trickle{send: send}
	t.timer = time.AfterFunc(trickleEvery, t.drip)
	t.timer.Stop()
	return t
}

// wait says that the owner waits for the server.
func (t *trickle) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = true
	t.timer.Reset(trickleEvery)
}

// take ends the wait. It returns what goes out of the bytes that have come, and of the
// ones that were held back.
func (t *trickle) take(came []byte, last bool) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = false
	t.timer.Stop()
	all := append(t.kept, came...)
	keep := min(trickleReserve, len(all))
	if last {
		keep = 0
	}
	t.kept = bytes.Clone(all[len(all)-keep:])
	return all[:len(all)-keep]
}

func (t *trickle) drip() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.waiting || len(t.kept) == 0 {
		return
	}
	t.send(t.kept[:1])
	t.kept = t.kept[1:]
	t.timer.Reset(trickleEvery)
}

// stop ends it. Nothing is sent afterwards.
func (t *trickle) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = false
	t.timer.Stop()
}
