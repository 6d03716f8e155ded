package proxy

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// frameWait is how long one piece of a frame may take to leave. Nothing is
	// queued: who does not read for so long is cut.
	frameWait = 10 * time.Second
	// lingerWait is how long the other side has to answer a close frame.
	lingerWait = time.Second
)

// end is one of a relay's two connections. One goroutine reads from it, any
// may write to it.
type end struct {
	conn *websocket.Conn
	mu   sync.Mutex // held while a frame is written
}

// write sends a short text frame.
func (e *end) write(frame []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.conn.SetWriteDeadline(time.Now().Add(frameWait)) // it never fails
	return e.conn.WriteMessage(websocket.TextMessage, frame)
}

// stream sends a text frame as it comes from src, so that a large one needs no
// memory.
func (e *end) stream(src io.Reader) error {
	home := pieces.Get().(*[copySize]byte)
	defer pieces.Put(home)
	e.mu.Lock()
	defer e.mu.Unlock()
	w, err := e.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	for {
		n, err := src.Read(home[:socketBuffer])
		_ = e.conn.SetWriteDeadline(time.Now().Add(frameWait))
		if n > 0 {
			if _, err := w.Write(home[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return w.Close()
		}
		if err != nil {
			return err // the frame stays without its end
		}
	}
}

// hangUp ends the connection with a close frame, or without one where code is
// cut. It does not wait.
func (e *end) hangUp(code int) {
	if code == cut {
		_ = e.conn.Close()
		return
	}
	bye := time.Now().Add(lingerWait)
	if err := e.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), bye); err != nil && !errors.Is(err, websocket.ErrCloseSent) {
		_ = e.conn.Close() // it cannot be told
	}
}

// Close codes of our own (RFC 6455, 7.4).
const (
	cut        = websocket.CloseAbnormalClosure // never sent: the connection just ends
	plain      = websocket.CloseNoStatusReceived
	goingAway  = websocket.CloseGoingAway
	noBinary   = websocket.CloseUnsupportedData
	notAllowed = websocket.ClosePolicyViolation
	comeAgain  = websocket.CloseTryAgainLater
)

// parting is why a relay ends, and the close code that each end gets.
type parting struct {
	toPlayer, toServer int
	why                error
}

// Error says why.
func (p *parting) Error() string { return p.why.Error() }

func (p *parting) Unwrap() error { return p.why }

// codeOf returns how the other end is closed after reading failed with err:
// likewise.
func codeOf(err error) int {
	var closed *websocket.CloseError
	switch {
	case errors.As(err, &closed) && closed.Code != websocket.CloseTLSHandshake:
		return closed.Code
	case errors.Is(err, websocket.ErrReadLimit):
		return plain
	}
	return cut
}
