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

// errProbe is why a connection is dropped whose Ping was not answered.
var errProbe = &Weather{Evidence: "the live socket did not answer a probe"}

// endWith says goodbye when ctx ends, until it is released.
func (c *Conn) endWith(ctx context.Context) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(done); c.goodbye() })
	return func() {
		if !stop() {
			<-done
		}
	}
}

// goodbye leaves the namespace and closes the WebSocket, as far as the network
// takes it: ABS ends the session at the close frame, a 41 alone would not. The
// server's own close frame is left to the reader, who has until the deadline
// set here.
func (c *Conn) goodbye() {
	c.leave.Do(func() {
		by := time.Now().Add(closeGrace)
		c.mu.Lock()
		c.closing = true
		joined := c.joined
		_ = c.raw.SetDeadline(by) // a write that hangs ends by then too
		c.mu.Unlock()
		if joined {
			_ = c.write(Packet{Engine: EngineMessage, Type: Disconnect}.Append(nil), by)
		}
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), by)
	})
}

// Close ends the connection, cleanly if it still works, and returns when it is
// gone: within closeGrace. It may be called more than once.
func (c *Conn) Close() {
	if !c.ended {
		c.goodbye()
		for !c.ended {
			_, _, err := c.ws.NextReader()
			c.ended = err != nil
		}
	}
	c.cut()
}

// cut closes the connection without a word.
func (c *Conn) cut() {
	c.cutting.Do(func() {
		close(c.gone)
		_ = c.raw.Close()
		_ = c.ws.Close()
	})
}

// Drop cuts the connection from outside; who reads it gets why.
func (c *Conn) Drop(why error) {
	c.mu.Lock()
	if c.why == nil {
		c.why = why
	}
	c.mu.Unlock()
	c.cut()
}

// errNoPong is the error of a Ping that was not answered.
var errNoPong = errors.New("no pong")

// Ping asks whether the other end lives, and needs the reader at work. It
// returns nil once the answer is there, at the latest after probeDeadline.
func (c *Conn) Ping(ctx context.Context) error { return c.ask(ctx, probeDeadline) }

// ask is Ping with a deadline of its own.
func (c *Conn) ask(ctx context.Context, within time.Duration) error {
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

// ponged is called by the reader.
func (c *Conn) ponged(id string) error {
	c.hear()
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered, ok := c.pings[id]; ok {
		close(answered)
		delete(c.pings, id)
	}
	return nil
}
