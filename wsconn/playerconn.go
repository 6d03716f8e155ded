package wsconn

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// pieceDeadline is how long one piece of a frame may take to leave. A player
	// that reads nothing for so long is cut.
	pieceDeadline = 10 * time.Second
	// closeTimeout is how long the player has to answer a close frame.
	closeTimeout = time.Second
	// pieceSize is the largest piece of a frame that is written at once.
	pieceSize = 16 << 10
	// suspendedFor is how late a timer may fire. When it is later, this process
	// was suspended, and the player is not to blame for a missing pong.
	suspendedFor = 2 * time.Second
)

// PlayerConn is the connection of one player. Send and Close may be called at any
// time from any goroutine.
type PlayerConn struct {
	server    *SessionServer
	id, owner string
	player    Player

	wake      chan struct{} // a frame waits to be sent; holds one
	ponged    chan struct{} // a pong came; holds one
	gone      chan struct{}
	receiving sync.Mutex // held while the Player is called

	mu        sync.Mutex
	queued    [][]byte
	heldBytes int       // of queued frames, and of those that are being written
	progress  time.Time // when the player took a piece, or the first of these frames came
	polls     bool      // the transport is polling
	polling   bool      // a poll is under way
	posting   bool
	upgrading bool
	code      int // the close code
	why       error
}

// Close ends the connection with a close code; 1006 is a cut, 1005 means no code.
// Queued frames are dropped. Close returns at once. The first reason counts.
func (e *PlayerConn) Close(code int, why error) {
	e.mu.Lock()
	if e.why != nil {
		e.mu.Unlock()
		return
	}
	e.why, e.code = why, code
	dropped := 0
	for _, frame := range e.queued {
		dropped += len(frame)
	}
	e.queued = nil
	close(e.gone)
	e.mu.Unlock()
	e.sent(dropped)
	e.server.mu.Lock()
	delete(e.server.conns, e.id)
	e.server.mu.Unlock()
	e.player.Gone(why)
}

// receive handles a text of the player. It reports false when the connection is
// closed.
func (e *PlayerConn) receive(frame []byte) bool {
	e.receiving.Lock()
	defer e.receiving.Unlock()
	select {
	case <-e.gone:
		return false
	default:
	}
	switch {
	case len(frame) == 0:
	case frame[0] == byte(EnginePong):
		signal(e.ponged)
	case frame[0] == byte(EngineMessage):
		e.player.Heard(frame)
	}
	return true // other packets, base64 ones too, mean nothing here
}

var errBinary = errors.New("a binary frame from the player")

// heartbeat sends pings and closes the connection when a pong is missing. When
// this process was stopped or the machine slept, it sends another ping first.
func (e *PlayerConn) heartbeat() {
	for e.sleep(localPing, nil) {
		for due := true; due; {
			select {
			case <-e.ponged: // a pong to an earlier ping
			default:
			}
			e.push([]byte{byte(EnginePing)})
			sent := time.Now()
			if !e.sleep(localPatience, e.ponged) {
				return
			}
			waited := time.Since(sent)
			due = waited > localPatience+suspendedFor
			if waited >= localPatience && !due {
				e.Close(websocket.CloseAbnormalClosure, errNoHeartbeat)
				return
			}
		}
	}
}

// sleep waits for d, or until early is ready. It reports false when the connection
// was closed.
func (e *PlayerConn) sleep(d time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-early:
	case <-e.gone:
		return false
	}
	return true
}

// serveWebsocket serves the connection over a WebSocket until its end, and closes
// the WebSocket. first is sent before all queued frames; it may be nil.
func (e *PlayerConn) serveWebsocket(conn *websocket.Conn, first []byte) {
	conn.SetReadLimit(MaxPayload)
	var writing, guarding sync.WaitGroup
	finished := make(chan struct{})
	writing.Go(func() { e.writeLoop(conn, first) })
	guarding.Go(func() {
		<-e.gone
		late := time.NewTimer(closeTimeout)
		defer late.Stop()
		select {
		case <-late.C: // the player neither reads nor answers
			_ = conn.Close()
		case <-finished:
		}
	})
	code, err := e.readLoop(conn)
	e.Close(code, err)
	writing.Wait() // it sends the close frame
	readToEnd(conn)
	close(finished)
	_ = conn.Close()
	guarding.Wait()
}

// readLoop reads frames until one cannot be read. It returns the close code and
// the reason.
func (e *PlayerConn) readLoop(conn *websocket.Conn) (int, error) {
	for {
		kind, src, err := conn.NextReader()
		if err != nil {
			return websocket.CloseNoStatusReceived, err
		}
		if kind != websocket.TextMessage {
			return websocket.CloseUnsupportedData, errBinary
		}
		frame, err := io.ReadAll(src) // at most MaxPayload
		if err != nil {
			return websocket.CloseNoStatusReceived, err
		}
		if !e.receive(frame) {
			return websocket.CloseNoStatusReceived, ErrClosed
		}
	}
}

// writeLoop sends queued frames until the connection is closed, and then the
// close frame.
func (e *PlayerConn) writeLoop(conn *websocket.Conn, first []byte) {
	if len(first) > 0 {
		if err := e.writePieces(conn, first); err != nil {
			e.Close(websocket.CloseAbnormalClosure, errors.Join(errSlow, err))
		}
	}
	for {
		select {
		case <-e.wake:
		case <-e.gone:
			e.sendClose(conn)
			return
		}
		for frame, ok := e.next(); ok; frame, ok = e.next() {
			if !e.player.Allowed(frame) {
				e.sent(len(frame))
				e.Close(websocket.ClosePolicyViolation, errForbidden)
				break
			}
			err := e.writePieces(conn, frame)
			e.sent(len(frame))
			if err != nil {
				e.Close(websocket.CloseAbnormalClosure, errors.Join(errSlow, err))
				break
			}
		}
	}
}

// writePieces writes a frame in pieces with a deadline each. A slow player thus
// gets a large frame in its own time, as long as it reads at all.
func (e *PlayerConn) writePieces(conn *websocket.Conn, frame []byte) error {
	w, err := conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	for piece := range bytesOf(frame) {
		_ = conn.SetWriteDeadline(time.Now().Add(pieceDeadline)) // it never fails
		if _, err := w.Write(piece); err != nil {
			return err
		}
		e.moved()
	}
	_ = conn.SetWriteDeadline(time.Now().Add(pieceDeadline))
	return w.Close()
}

// bytesOf yields b in pieces.
func bytesOf(b []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(len(b), pieceSize)
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// sendClose sends the close frame and gives the player a moment to answer.
func (e *PlayerConn) sendClose(conn *websocket.Conn) {
	e.mu.Lock()
	code := e.code
	e.mu.Unlock()
	by := time.Now().Add(closeTimeout)
	_ = conn.SetReadDeadline(by)
	if code == websocket.CloseAbnormalClosure {
		_ = conn.Close()
		return
	}
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), by)
}

// readToEnd reads conn to its end. A connection that is closed with unread bytes
// is reset, and the close frame may be lost with it.
func readToEnd(conn *websocket.Conn) {
	for {
		if _, _, err := conn.NextReader(); err != nil {
			if errors.Is(err, websocket.ErrReadLimit) {
				_, _ = io.Copy(io.Discard, conn.NetConn())
			}
			return
		}
	}
}
