// Package roughline is a line between a client and a server in memory that loses packets,
// stalls, and forgets the connections that are open. It keeps the time of a
// testing/synctest bubble. Only tests import it.
//
// Its TCP is as coarse as a test bears: one segment is on its way in each direction, and
// is repeated until it is confirmed. A true one is silent for longer: where
// 30 % of the packets get lost, every second connection of Linux' own had a silence of
// 20 s within three minutes (measured).
package roughline

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	// leg is the time from one end to the other.
	leg = 20 * time.Millisecond
	// firstRepeat is the pause before a segment is repeated, as Linux counts it here. It
	// doubles each time up to longestRepeat: what is sent later makes a true TCP repeat
	// sooner than its clock says.
	firstRepeat, longestRepeat = 240 * time.Millisecond, 4 * time.Second
	// unconfirmedFor is how long bytes may be unconfirmed until the kernel ends their
	// connection, as upstream tells it.
	unconfirmedFor = 25 * time.Second
	// bulk is the size from which a lost segment of the server shows at the client: the
	// next ones come out of order.
	bulk = 1000
	// holds is how many pieces of at most 4 kB the sender's kernel holds.
	holds = 256
	// answerEvery is how often the server answers questions of the client's kernel at most.
	answerEvery = 500 * time.Millisecond
)

// Dial opens a connection.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Line is the line to one server.
type Line struct {
	far Dial

	mu     sync.Mutex
	chance *rand.Rand
	loss   float64   // of each packet
	down   time.Time // until when nothing passes
	conns  map[*Conn]struct{}
	dials  int
}

// New returns a line that loses nothing yet. far opens its connections at the server's end.
func New(far Dial, seed uint64) *Line {
	return &Line{far: far, chance: rand.New(rand.NewPCG(seed, 0)), conns: map[*Conn]struct{}{}}
}

// Lose makes the line lose that part of all packets.
func (l *Line) Lose(part float64) { l.mu.Lock(); l.loss = part; l.mu.Unlock() }

// Stall lets nothing pass for d.
func (l *Line) Stall(d time.Duration) { l.mu.Lock(); l.down = time.Now().Add(d); l.mu.Unlock() }

// Forget drops all packets of the connections that are open now, and tells nobody.
func (l *Line) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.forgotten = true
	}
}

// Dials returns how many connections were asked for.
func (l *Line) Dials() int { l.mu.Lock(); defer l.mu.Unlock(); return l.dials }

// passes reports whether a packet comes through.
func (l *Line) passes() bool { return !time.Now().Before(l.down) && l.chance.Float64() >= l.loss }

// DialContext implements Dial. TCP repeats the first packet after 1, 3 and 7 s.
func (l *Line) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	l.dials++
	l.mu.Unlock()
	for pause := time.Second; ; pause *= 2 {
		l.mu.Lock()
		asked, answered := l.passes(), l.passes()
		made := asked && answered
		l.mu.Unlock()
		if made {
			break
		}
		if !sleep(ctx, pause) {
			return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
		}
	}
	if !sleep(ctx, 2*leg) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	}
	inner, err := l.far(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	near, mid := net.Pipe()
	c := &Conn{Conn: near, line: l, mid: mid, inner: inner, heard: time.Now(), packets: 3,
		ended: make(chan struct{}), confirmed: make(chan struct{}, 1)}
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	go c.pump(mid, inner, &c.out)
	go c.pump(inner, mid, &c.in)
	return c, nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
