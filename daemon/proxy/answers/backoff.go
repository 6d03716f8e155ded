package answers

import (
	"sync"
	"time"
)

const (
	// freeTries are wrong passwords that cost nothing: people mistype.
	freeTries = 5
	// longestWait is between two tries at last; a person waits that long.
	longestWait = time.Minute
	// triesForgotten is how long after the last wrong one all is forgotten.
	triesForgotten = 15 * time.Minute
	// maxTriers bounds the memory; the peers are users of this machine.
	maxTriers = 256
)

// backoff makes guessing a password slow. Grants need none: nobody guesses
// 256 bits.
type backoff struct {
	mu    sync.Mutex
	peers map[string]tries
}

type tries struct {
	wrong int
	last  time.Time
	next  time.Time // no try before
}

// try lets peer try once, unless it has to wait first. One try comes after
// the other: many at once would all be let in before the first has failed.
func (b *backoff) try(peer string, now time.Time, good func() bool) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait := b.peers[peer].next.Sub(now); wait > 0 {
		return wait, false
	}
	if good() {
		delete(b.peers, peer)
		return 0, true
	}
	b.failedLocked(peer, now)
	return 0, false
}

func (b *backoff) failedLocked(peer string, now time.Time) {
	t := b.peers[peer]
	if now.Sub(t.last) > triesForgotten {
		t = tries{}
	}
	t.wrong, t.last = t.wrong+1, now
	if over := t.wrong - freeTries; over >= 0 {
		t.next = now.Add(min(longestWait, time.Second<<min(over, 6)))
	}
	if b.peers == nil || len(b.peers) >= maxTriers && b.peers[peer] == (tries{}) {
		b.peers = make(map[string]tries) // so many users: all begin anew
	}
	b.peers[peer] = t
}
