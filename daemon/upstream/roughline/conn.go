package roughline

import (
	"errors"
	"net"
	"sync"
	"time"

	"shelfkeeper/daemon/upstream"
)

// Conn is the client's end of a connection, with what its kernel knows.
type Conn struct {
	net.Conn // the end that the client reads and writes
	line     *Line
	mid      net.Conn // its other end
	inner    net.Conn // the connection at the server
	out, in  segment
	ended    chan struct{}
	once     sync.Once
	// confirmed holds one when a packet of the server has confirmed what had come there.
	confirmed chan struct{}

	// The line's mu guards these.
	forgotten bool
	heard     time.Time // when the last packet came from the server
	answered  time.Time // when the server last answered a question
	often     bool
	packets   int
	lost      int
}

// segment is what is on its way in one direction. The line's mu guards it.
type segment struct {
	underWay bool // and not confirmed
	arrived  bool // at the server, which is not known here yet
	repeats  int
	waiting  bool // it has come, and its reader has not taken it
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.inner.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.inner.RemoteAddr() }

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.once.Do(func() {
		close(c.ended)
		c.line.mu.Lock()
		delete(c.line.conns, c)
		c.line.mu.Unlock()
	})
	return errors.Join(c.Conn.Close(), c.mid.Close(), c.inner.Close())
}

// passes reports whether a packet of this connection comes through. The line's mu is held.
func (c *Conn) passes() bool { c.packets++; return !c.forgotten && c.line.passes() }

// pump carries segments from one side to the other until either ends. What the sender's
// kernel holds meanwhile goes with the next one.
func (c *Conn) pump(from, to net.Conn, s *segment) {
	defer func() { _, _ = from.Close(), to.Close() }()
	held := make(chan []byte, holds)
	go func() {
		defer close(held)
		for {
			b := make([]byte, 4<<10)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			select {
			case held <- b[:n]:
			case <-c.ended:
				return
			}
		}
	}()
	for b := range held {
		for more := true; more && len(b) < 64<<10; {
			select {
			case next := <-held:
				b = append(b, next...)
				more = next != nil
			default:
				more = false
			}
		}
		c.line.mu.Lock()
		*s = segment{underWay: true}
		c.line.mu.Unlock()
		arrive := func() bool {
			if !c.sleep(leg) {
				return false
			}
			_, err := to.Write(b)
			return err == nil
		}
		carry := c.bring
		if s == &c.out {
			carry = c.send
		}
		if !carry(len(b), arrive) {
			return
		}
		c.line.mu.Lock()
		s.waiting = false
		c.line.mu.Unlock()
	}
}

// bring repeats a segment of the server until it has come, and reports false when the
// connection ended. What it confirms of the client's needs no packet of its own.
func (c *Conn) bring(n int, arrive func() bool) bool {
	for pause := firstRepeat; ; pause = min(2*pause, longestRepeat) {
		c.line.mu.Lock()
		if c.passes() {
			c.heard = time.Now().Add(leg)
			c.in.underWay, c.in.waiting = false, true
			c.confirmLocked()
			c.line.mu.Unlock()
			return arrive()
		}
		if !c.forgotten && n >= bulk {
			c.lost++
		}
		c.line.mu.Unlock()
		if !c.sleep(pause) {
			return false
		}
	}
}

// send repeats a segment of the client until it is confirmed, and reports false when the
// connection ended. It has come when it got through for the first time. The server
// confirms it at once, and once more with each of its packets and for each repeat.
func (c *Conn) send(_ int, arrive func() bool) bool {
	c.line.mu.Lock()
	c.out.arrived = false
	select {
	case <-c.confirmed: // of the one before
	default:
	}
	c.line.mu.Unlock()
	began, pause := time.Now(), firstRepeat
	for {
		c.line.mu.Lock()
		there := c.passes()
		comes := there && !c.out.arrived
		if there {
			c.out.arrived = true
		}
		if there && c.passes() {
			c.heard = time.Now().Add(leg)
			c.confirmLocked()
		} else if !c.forgotten {
			c.lost++
		}
		c.line.mu.Unlock()
		if comes && !arrive() {
			return false
		}
		again := time.NewTimer(pause)
		select {
		case <-c.confirmed:
			again.Stop()
			return true
		case <-again.C:
		case <-c.ended:
			again.Stop()
			return false
		}
		if time.Since(began) >= unconfirmedFor {
			return false
		}
		c.line.mu.Lock()
		c.out.repeats++
		if pause = min(2*pause, longestRepeat); c.often && c.out.repeats <= 6 {
			pause = firstRepeat
		}
		c.line.mu.Unlock()
	}
}

// confirmLocked confirms what has come at the server.
func (c *Conn) confirmLocked() {
	if !c.out.arrived || !c.out.underWay {
		return
	}
	c.out.underWay = false
	select {
	case c.confirmed <- struct{}{}:
	default:
	}
}

func (c *Conn) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ended:
		return false
	}
}

// Signs implements upstream.Kernel.
func (c *Conn) Signs() (upstream.Signs, bool) {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	lost := c.lost
	if c.out.underWay { // what was sent again in the present silence says nothing of the time before
		lost -= min(lost, c.out.repeats+1)
	}
	return upstream.Signs{
		Silent: max(0, time.Since(c.heard)), Unconfirmed: c.out.underWay, Repeats: c.out.repeats,
		Losses: upstream.Losses{Lost: lost, Packets: c.packets},
	}, !c.in.waiting
}

// AskOften implements upstream.Kernel.
func (c *Conn) AskOften(often bool) {
	c.line.mu.Lock()
	c.often = often
	c.line.mu.Unlock()
	if often {
		c.Ask()
	}
}

// Ask implements upstream.Kernel: Linux asks nothing while bytes are under way.
func (c *Conn) Ask() {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	now := time.Now()
	if c.out.underWay || now.Sub(c.heard) < time.Second || !c.passes() || now.Sub(c.answered) < answerEvery {
		return
	}
	c.answered = now
	if c.passes() {
		c.heard = now.Add(2 * leg)
	}
}
