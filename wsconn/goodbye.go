package wsconn

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// probeDeadline bounds an answer to Ping: a round trip over a slow mobile
// network, with one packet lost.
const probeDeadline = 1500 * time.Millisecond

// errProbe is the reason for dropping a connection that did not answer a Ping.
var errProbe = &TemporaryError{Evidence: "the live socket did not answer a probe"}

// endWith closes the connection cleanly when ctx ends. The caller releases it.
func (c *Conn) endWith(ctx context.Context) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(done); c.goodbye() })
	return func() {
		if !stop() {
			<-done
		}
	}
}

// goodbye leaves the namespace and sends a close frame, as far as the network
// allows. ABS ends the session at the close frame; a DISCONNECT packet alone does
// not suffice. The reader receives the server's close frame, at the latest by
// the deadline set here.
func (c *Conn) goodbye() {
	c.leave.Do(func() {
		by := time.Now().Add(closeGrace)
		c.mu.Lock()
		c.closing = true
		joined := c.joined
		_ = c.raw.SetDeadline(by) // it also ends a write that hangs
		c.mu.Unlock()
		c.giveUp()
		if joined {
			_ = c.write(Packet{Engine: EngineMessage, Type: Disconnect}.Append(nil), by)
		}
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), by)
	})
}

// Close ends the connection, cleanly if it still works. It returns when the
// connection is closed, within closeGrace. It may be called more than once.
func (c *Conn) Close() {
	c.endTurn()
	if !c.ended {
		c.goodbye()
		for !c.ended {
			_, _, err := c.ws.NextReader()
			c.ended = err != nil
		}
	}
	c.cut()
}

// giveUp ends the wait for a turn.
func (c *Conn) giveUp() { c.quitting.Do(func() { close(c.quit) }) }

// cut closes the connection without a close frame.
func (c *Conn) cut() {
	c.cutting.Do(func() {
		c.giveUp()
		close(c.gone)
		_ = c.raw.Close()
		_ = c.ws.Close()
	})
}

// Drop cuts the connection. The reader gets why as its error.
func (c *Conn) Drop(why error) {
	c.mu.Lock()
	if c.why == nil {
		c.why = why
	}
	c.mu.Unlock()
	c.cut()
}

// errNoPong is the error of a Ping without an answer.
var errNoPong = errors.New("no pong")

// Ping asks whether the other end is alive. It returns nil when the answer
// comes within probeDeadline. It works only while Serve reads.
func (c *Conn) Ping(ctx context.Context) error { return c.ping(ctx, probeDeadline) }

// ping is Ping with another deadline.
func (c *Conn) ping(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errNoPong)
	defer cancel()
	answered := make(chan struct{})
	c.mu.Lock()
	c.pinged++
	id := strconv.Itoa(c.pinged)
	c.pings[id] = answered
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.pings, id)
	}()
	by, _ := ctx.Deadline()
	if err := c.ws.WriteControl(websocket.PingMessage, []byte(id), by); err != nil {
		return err
	}
	select {
	case <-answered:
		return nil
	case <-c.gone:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ponged handles a pong. The reader calls it.
func (c *Conn) ponged(id string) error {
	c.markHeard()
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered, ok := c.pings[id]; ok {
		close(answered)
		delete(c.pings, id)
	}
	return nil
}
