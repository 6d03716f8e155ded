package dashboard

import "sync"

// Bell tells whoever waits that something has changed. The zero value is ready.
type Bell struct {
	mu   sync.Mutex
	rung chan struct{} // closed at the next change; nil while nobody waits
}

// Ring wakes everybody who waits.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// Rung returns a channel that is closed at the next change.
func (b *Bell) Rung() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}
