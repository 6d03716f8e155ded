package survival

import (
	"context"
	"sync"
)

// life is one life of the client's process. What it does after its death
// reaches neither disk nor server.
type life struct {
	*world
	dead    chan struct{}
	mu      sync.Mutex
	release []func() // what the system gives back when a process dies
}

// die ends everything that the process had under way.
func (l *life) die() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.dead:
		return
	default:
	}
	close(l.dead)
	for _, r := range l.release {
		r()
	}
}

// owns gives release back when the process dies, at the latest.
func (l *life) owns(release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release = append(l.release, release)
}

func (l *life) isDead() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// awake waits for the machine to be awake; its error says that the process died.
func (l *life) awake() error {
	t := &trip{conn: l.connect(), ctx: context.Background()}
	return t.pass(0)
}

// disk waits until something written is durable, or reports that it never is.
func (l *life) disk() error {
	t := &trip{conn: l.connect(), ctx: context.Background()}
	return t.pass(diskTime)
}
