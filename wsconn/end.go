package wsconn

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// frameWait is how long one piece of a frame may take to leave. Who does
	// not read for so long is cut.
	frameWait = 10 * time.Second
	// lingerWait is how long the other side has to answer a close frame.
	lingerWait = time.Second
	// pieceSize is the largest piece of a frame that is written at once.
	pieceSize = 16 << 10
	// keptFrames and keptBytes are what may wait for a player: more than any
	// burst of the server's, and bounded, since a player may have stopped
	// reading. One larger frame may wait alone.
	keptFrames = 512
	keptBytes  = 16 << 20
	// belated is how late a timer may be before the process itself, and not
	// the player, is the one who was away.
	belated = 2 * time.Second
)

// End is a player's end of a live socket. Send and Close may be called at any
// time by anybody.
type End struct {
	hall      *Hall
	id, owner string
	player    Player

	wake    chan struct{} // something waits to be sent; holds one
	ponged  chan struct{} // holds one
	gone    chan struct{}
	hearing sync.Mutex // held while the player is called

	mu        sync.Mutex
	kept      [][]byte
	bytes     int
	polls     bool // the transport is polling
	polling   bool // a poll waits
	posting   bool
	upgrading bool
	code      int // with which it was closed
	why       error
}

// Send gives a text frame to the player. It never blocks; a player who does
// not take what is sent is cut.
func (e *End) Send(frame []byte) {
	e.mu.Lock()
	if e.why != nil {
		e.mu.Unlock()
		return
	}
	if len(e.kept) > 0 && (len(e.kept) >= keptFrames || e.bytes+len(frame) > keptBytes) {
		e.mu.Unlock()
		e.Close(websocket.CloseAbnormalClosure, errSlow)
		return
	}
	e.kept = append(e.kept, frame)
	e.bytes += len(frame)
	e.mu.Unlock()
	poke(e.wake)
}

// first puts a frame before all others.
func (e *End) first(frame []byte) {
	e.mu.Lock()
	e.kept = append([][]byte{frame}, e.kept...)
	e.bytes += len(frame)
	e.mu.Unlock()
	poke(e.wake)
}

// Close ends the End with a close code; 1006 is a cut, 1005 is no code. What
// waits to be sent is dropped. It returns at once; the first reason counts.
func (e *End) Close(code int, why error) {
	e.mu.Lock()
	if e.why != nil {
		e.mu.Unlock()
		return
	}
	e.why, e.code = why, code
	e.kept, e.bytes = nil, 0
	close(e.gone)
	e.mu.Unlock()
	e.hall.mu.Lock()
	delete(e.hall.ends, e.id)
	e.hall.mu.Unlock()
	e.player.Gone(why)
}

// take returns all that waits to be sent.
func (e *End) take() [][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := e.kept
	e.kept, e.bytes = nil, 0
	return kept
}

// hear takes a text from the player and reports whether it may go on.
func (e *End) hear(frame []byte) bool {
	e.hearing.Lock()
	defer e.hearing.Unlock()
	select {
	case <-e.gone:
		return false
	default:
	}
	switch {
	case len(frame) == 0:
	case frame[0] == byte(EnginePong):
		poke(e.ponged)
	case frame[0] == byte(EngineMessage):
		e.player.Heard(frame)
	}
	return true // the rest, base64 among it, means nothing here
}

var errBinary = errors.New("a binary frame from the player")

// beat asks for a sign of life from time to time. A pong that is missing when
// this very process was stopped, or the machine slept, is asked for again.
func (e *End) beat() {
	for e.rest(localPing, nil) {
		for due := true; due; {
			select {
			case <-e.ponged: // of a ping before
			default:
			}
			e.Send([]byte{byte(EnginePing)})
			sent := time.Now()
			if !e.rest(localPatience, e.ponged) {
				return
			}
			waited := time.Since(sent)
			due = waited > localPatience+belated
			if waited >= localPatience && !due {
				e.Close(websocket.CloseAbnormalClosure, errMute)
				return
			}
		}
	}
}

// rest waits for d or until early is ready, and reports whether the End lasted.
func (e *End) rest(d time.Duration, early <-chan struct{}) bool {
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

// speak is the life of an End over a WebSocket, which it closes.
func (e *End) speak(conn *websocket.Conn) {
	conn.SetReadLimit(maxPayload)
	var writing, guarding sync.WaitGroup
	over := make(chan struct{})
	writing.Go(func() { e.write(conn) })
	guarding.Go(func() {
		<-e.gone
		late := time.NewTimer(lingerWait)
		defer late.Stop()
		select {
		case <-late.C: // neither reads nor answers
			_ = conn.Close()
		case <-over:
		}
	})
	code, err := e.listen(conn)
	e.Close(code, err)
	writing.Wait() // it says goodbye
	drain(conn)
	close(over)
	_ = conn.Close()
	guarding.Wait()
}

// listen reads frames until one cannot be read, and says how that is closed.
func (e *End) listen(conn *websocket.Conn) (int, error) {
	for {
		kind, src, err := conn.NextReader()
		if err != nil {
			return websocket.CloseNoStatusReceived, err
		}
		if kind != websocket.TextMessage {
			return websocket.CloseUnsupportedData, errBinary
		}
		frame, err := io.ReadAll(src) // at most maxPayload
		if err != nil {
			return websocket.CloseNoStatusReceived, err
		}
		if !e.hear(frame) {
			return websocket.CloseNoStatusReceived, ErrClosed
		}
	}
}

// write sends what waits until the End is gone, and then the close frame.
func (e *End) write(conn *websocket.Conn) {
	for {
		select {
		case <-e.wake:
		case <-e.gone:
			e.hangUp(conn)
			return
		}
		for _, frame := range e.take() {
			if err := writePieces(conn, frame); err != nil {
				e.Close(websocket.CloseAbnormalClosure, errors.Join(errSlow, err))
				break
			}
		}
	}
}

// writePieces lets a slow player take a large frame in its own time, as long
// as it takes something.
func writePieces(conn *websocket.Conn, frame []byte) error {
	w, err := conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	for piece := range bytesOf(frame) {
		_ = conn.SetWriteDeadline(time.Now().Add(frameWait)) // it never fails
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	_ = conn.SetWriteDeadline(time.Now().Add(frameWait))
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

// hangUp says how it ends, and gives the player a moment to answer.
func (e *End) hangUp(conn *websocket.Conn) {
	e.mu.Lock()
	code := e.code
	e.mu.Unlock()
	by := time.Now().Add(lingerWait)
	_ = conn.SetReadDeadline(by)
	if code == websocket.CloseAbnormalClosure {
		_ = conn.Close()
		return
	}
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), by)
}

// drain reads conn to its end: a connection that is closed with unread bytes is
// reset, and the close frame may be lost with it.
func drain(conn *websocket.Conn) {
	for {
		if _, _, err := conn.NextReader(); err != nil {
			if errors.Is(err, websocket.ErrReadLimit) {
				_, _ = io.Copy(io.Discard, conn.NetConn())
			}
			return
		}
	}
}

// between stands between the packets of a poll. engine.io-parser 5.2: lib/index
var between = []byte{0x1e}

// join is packets as a poll carries them.
func join(frames [][]byte) []byte { return bytes.Join(frames, between) }
