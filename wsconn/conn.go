package wsconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/redact"
)

const (
	// joinDeadline bounds the open packet and the namespace together: two round
	// trips, for which the server looks nothing up. ABS itself gives up on a
	// connection that has not joined after 45 s.
	joinDeadline = 15 * time.Second
	// authDeadline bounds the answer to auth, for which ABS asks its database.
	// To some tokens that it cannot read ABS answers nothing at all.
	authDeadline = 20 * time.Second
	// writeDeadline bounds one frame to the server. All of them are small. A
	// network that cannot carry one in this time misses the heartbeat too.
	writeDeadline = 10 * time.Second
	// closeGrace bounds the whole close handshake. ABS answers a close frame at
	// once, and quitting must not wait for a dead network.
	closeGrace = 2 * time.Second
)

// Conn is one connection: Engine.IO 4 and Socket.IO over one WebSocket. Open,
// Authenticate, Serve and Close are called by one goroutine, one after the
// other; Ping and Drop by any.
type Conn struct {
	ws      *websocket.Conn
	raw     net.Conn // below TLS: closing it never waits
	deliver func(Event)
	gone    chan struct{} // closed when the connection is cut

	turn     *turn
	holdsOne bool          // the frame that is handled now has the turn
	quit     chan struct{} // closed by goodbye and cut: nothing is waited for any more
	quitting sync.Once

	watch watcher
	beats handshake // zero before the server's open packet
	born  time.Time
	heard atomic.Int64 // time of the last frame, pongs included, in ns since born
	beat  atomic.Int64 // time of the last packet; a pong of the WebSocket is none
	ended bool         // reading or sending has failed

	writing sync.Mutex // held while a text frame is written
	leave   sync.Once
	cutting sync.Once

	mu      sync.Mutex
	joined  bool
	closing bool  // we have sent our close frame
	why     error // the reason given to Drop
	pings   map[string]chan struct{}
	pinged  int
}

// Open connects and joins the namespace. Events go to deliver, which is called
// by the reading goroutine and must not block. ABS sends no events before
// Authenticate. turns bounds large frames, and may be nil.
//
// The error is ctx's cause or wraps a *TemporaryError.
func Open(ctx context.Context, s Server, deliver func(Event), watch Watch, turns *Turns) (*Conn, error) {
	ws, raw, err := upgrade(ctx, s)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		ws: ws, raw: raw, deliver: deliver, gone: make(chan struct{}), turn: newTurn(turns), quit: make(chan struct{}),
		pings: map[string]chan struct{}{}, watch: newWatcher(watch), born: time.Now(),
	}
	ws.SetReadLimit(MaxPacket)
	ws.SetPongHandler(c.ponged)
	if err := c.join(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("open live socket: %w", err)
	}
	return c, nil
}

// join waits for the open packet and enters the namespace. Nothing may be sent
// before the server has confirmed: a packet that arrives together with the
// CONNECT ends the session (socket.io 4.7: lib/namespace, _add).
func (c *Conn) join(ctx context.Context) error {
	defer c.endWith(ctx)()
	until := time.Now().Add(joinDeadline)
	for {
		p, err := c.receive(until)
		switch {
		case err != nil:
			return orCause(ctx, err)
		case p.Engine == EngineOpen:
			if c.beats, err = parseHandshake(p.Data); err != nil {
				return &TemporaryError{Evidence: "what answers there is no Audiobookshelf live socket", Err: err}
			}
			if err := c.send(Packet{Engine: EngineMessage, Type: Connect}.Append(nil)); err != nil {
				return orCause(ctx, err)
			}
		case p.Namespace != "":
		case p.Type == Connect:
			c.mu.Lock()
			c.joined = true
			c.mu.Unlock()
			return nil
		case p.Type == ConnectError:
			return &TemporaryError{Evidence: "the server refused the namespace: " + quote(string(p.Data))}
		}
	}
}

// Authenticate signs the connection in as the token's user. After a *Refused the
// connection stays open and Authenticate may be called again. Any other error
// ends the connection.
func (c *Conn) Authenticate(ctx context.Context, token redact.Secret) error {
	defer c.endWith(ctx)()
	frame, err := EncodeEvent(eventAuth, token.Reveal())
	if err != nil {
		return err
	}
	if err := c.send(frame); err != nil {
		return orCause(ctx, err)
	}
	until := time.Now().Add(authDeadline)
	for {
		e, err := c.event(until)
		if err != nil {
			return orCause(ctx, err)
		}
		switch e.Name {
		case eventInit:
			c.deliver(e)
			return nil
		case eventAuthFailed:
			var said struct{ Message string }
			e.First(&said)
			return &Refused{Message: quote(said.Message)}
		}
		c.deliver(e) // an administrator gets user_online before init
	}
}

// Serve reads until the connection ends, and returns the reason. When ctx ends
// it closes the connection cleanly and returns ctx's cause. After a silence it
// sends a ping, and only a missing answer counts as the end.
func (c *Conn) Serve(ctx context.Context) error {
	defer c.endWith(ctx)()
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { c.watchSilence(watching) })
	defer watch.Wait()
	defer stop()
	for {
		e, err := c.event(time.Time{})
		if err != nil {
			return orCause(ctx, err)
		}
		c.deliver(e)
	}
}

// event returns the next event of the namespace "/".
func (c *Conn) event(until time.Time) (Event, error) {
	for {
		p, err := c.receive(until)
		switch {
		case err != nil:
			return Event{}, err
		case p.Engine != EngineMessage || p.Namespace != "":
		case p.Type == Disconnect:
			return Event{}, &TemporaryError{Evidence: "the server ended the live socket"}
		default:
			if e, ok := p.Event(); ok {
				if c.holdsOne {
					e.release, c.holdsOne = c.turn.end, false
				}
				return e, nil
			}
		}
	}
}

// endTurn ends the turn of a frame that was no event.
func (c *Conn) endTurn() {
	if c.holdsOne {
		c.holdsOne = false
		c.turn.end()
	}
}

// receive returns the next open or message packet and answers heartbeats until
// then. until is the caller's deadline; zero means none.
func (c *Conn) receive(until time.Time) (Packet, error) {
	for {
		due := until
		if !c.readUntil(due) {
			due = time.Time{}
		}
		c.endTurn()
		kind, frame, err := c.read()
		if errors.Is(err, errNoTurn) {
			c.ended = true
			if ended := c.end(err, time.Time{}, ""); ended == ErrClosed {
				return Packet{}, ended
			}
			return Packet{}, &TemporaryError{Evidence: "too many large events came over the live sockets at once", Err: err}
		}
		if err != nil {
			c.ended = true
			missed := "the server did not answer on the live socket in time"
			if c.beats == (handshake{}) {
				missed = "nothing came over the live socket in time"
			}
			return Packet{}, c.end(err, due, missed)
		}
		c.markHeard()
		c.beat.Store(c.heard.Load())
		if kind != websocket.TextMessage {
			continue // ABS sends nothing binary; Socket.IO would attach it to an event
		}
		p, err := Decode(frame)
		if err != nil {
			return Packet{}, &TemporaryError{Evidence: "something that is no packet came over the live socket", Err: err}
		}
		switch p.Engine {
		case EnginePing:
			p.Engine = EnginePong
			if err := c.send(p.Append(nil)); err != nil {
				return Packet{}, err
			}
		case EngineClose:
			return Packet{}, &TemporaryError{Evidence: "the server closed the live socket"}
		case EngineOpen, EngineMessage:
			return p, nil
		}
	}
}

func (c *Conn) markHeard() { c.heard.Store(int64(time.Since(c.born))) }

// readUntil sets the read deadline. It reports false, and sets nothing, when
// goodbye has set the final one.
func (c *Conn) readUntil(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	_ = c.ws.SetReadDeadline(t)
	return true
}

// send writes a frame. Only the reading goroutine calls it.
func (c *Conn) send(frame []byte) error {
	by := time.Now().Add(writeDeadline)
	if err := c.write(frame, by); err != nil {
		c.ended = true
		return c.end(err, by, "the network took nothing from the live socket")
	}
	return nil
}

// write sends a text frame.
func (c *Conn) write(frame []byte, by time.Time) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.ws.SetWriteDeadline(by)
	return c.ws.WriteMessage(websocket.TextMessage, frame)
}
