package proxy

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

// wait returns how long peer has to wait for its next try.
func (b *backoff) wait(peer string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, b.peers[peer].next.Sub(now))
}

func (b *backoff) failed(peer string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
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

func (b *backoff) succeeded(peer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.peers, peer)
}
