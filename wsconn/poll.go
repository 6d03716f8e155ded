package wsconn

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// upgradeWait is how long a player may take to change the transport, as with
// engine.io's upgradeTimeout.
const upgradeWait = 10 * time.Second

var errOverlap = errors.New("two polls at one time")

// poll answers a poll as soon as a frame waits for the player. During an upgrade
// to a WebSocket the answer is a noop, since the player waits for its poll to end.
func (e *PlayerConn) poll(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	switch {
	case e.why != nil:
		e.mu.Unlock()
		noSession.answer(w)
		return
	case !e.polls:
		e.mu.Unlock()
		badRequest.answer(w)
		return
	case e.polling:
		e.mu.Unlock()
		badRequest.answer(w)
		e.Close(websocket.CloseAbnormalClosure, errOverlap)
		return
	}
	e.polling = true
	e.mu.Unlock()
	// It ends before its answer is out: a quick player polls again as soon as it
	// has the last byte. Once, since the next poll may run by then.
	ended := sync.OnceFunc(func() {
		e.mu.Lock()
		e.polling = false
		e.mu.Unlock()
	})
	defer ended()
	for {
		if frames := e.nextPoll(); len(frames) > 0 {
			ended()
			if !writePoll(w, e.moved, frames...) {
				e.Close(websocket.CloseAbnormalClosure, errSlow)
			}
			for _, frame := range frames {
				e.sent(len(frame))
			}
			return
		}
		e.mu.Lock()
		upgrading := e.upgrading || !e.polls
		e.mu.Unlock()
		if upgrading {
			ended()
			writePoll(w, e.moved, []byte{byte(EngineNoop)})
			return
		}
		select {
		case <-e.wake:
		case <-e.gone:
			ended()
			writePoll(w, e.moved, []byte{byte(EngineClose)})
			return
		case <-r.Context().Done():
			return // the player is gone, or it will poll again
		}
	}
}

// post receives the player's packets.
func (e *PlayerConn) post(w http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "application/octet-stream" {
		badRequest.answer(w)
		return
	}
	e.mu.Lock()
	if e.posting || !e.polls || e.why != nil {
		overlap := e.posting
		e.mu.Unlock()
		badRequest.answer(w)
		if overlap {
			e.Close(websocket.CloseAbnormalClosure, errOverlap)
		}
		return
	}
	e.posting = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.posting = false
		e.mu.Unlock()
	}()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		tooLarge.answer(w)
		e.Close(websocket.CloseAbnormalClosure, errBadInput)
		return
	case err != nil:
		return // the body did not arrive
	}
	for frame := range bytes.SplitSeq(body, recordSeparator) {
		if !e.receive(frame) {
			break
		}
	}
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok")
}

// upgrade changes the transport from polling to a WebSocket. The player sends a
// probe, its last poll ends, and then it confirms.
func (e *PlayerConn) upgrade(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	if !e.polls || e.upgrading || e.why != nil {
		e.mu.Unlock()
		badRequest.answer(w)
		return
	}
	e.upgrading = true
	e.mu.Unlock()
	upgraded := false
	defer func() {
		e.mu.Lock()
		e.upgrading = false
		e.mu.Unlock()
	}()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	conn.SetReadLimit(MaxPayload)
	_ = conn.SetReadDeadline(time.Now().Add(upgradeWait))
	step := func(want string) bool {
		kind, frame, err := conn.ReadMessage()
		return err == nil && kind == websocket.TextMessage && string(frame) == want
	}
	if step("2probe") {
		_ = conn.SetWriteDeadline(time.Now().Add(pieceDeadline))
		if conn.WriteMessage(websocket.TextMessage, []byte("3probe")) == nil {
			signal(e.wake) // it ends the poll that waits
			upgraded = step("5")
		}
	}
	if !upgraded {
		_ = conn.Close() // the player goes on polling
		return
	}
	e.mu.Lock()
	e.polls, e.upgrading = false, false
	e.mu.Unlock()
	signal(e.wake)
	_ = conn.SetReadDeadline(time.Time{})
	e.serveWebsocket(conn, nil)
}

// nextPoll removes the frames of one answer to a poll from the queue: at most
// pollBytes, or one frame. It closes the connection when the player may not get one
// of them.
func (e *PlayerConn) nextPoll() (frames [][]byte) {
	total := 0
	for len(frames) == 0 || e.nextFits(pollBytes-total) {
		frame, ok := e.next()
		if !ok {
			break
		}
		if !e.player.Allowed(frame) {
			for _, f := range append(frames, frame) {
				e.sent(len(f))
			}
			e.Close(websocket.ClosePolicyViolation, errForbidden)
			return nil
		}
		frames = append(frames, frame)
		total += len(frame)
	}
	return frames
}

// recordSeparator separates the packets of a poll. engine.io-parser 5.2: lib/index
var recordSeparator = []byte{0x1e}

// writePoll writes the answer to a poll, in pieces with a deadline each: a player that
// does not read is not waited for. moved is called after each piece.
func writePoll(w http.ResponseWriter, moved func(), packets ...[]byte) bool {
	length := len(packets) - 1
	for _, p := range packets {
		length += len(p)
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(length))
	rc := http.NewResponseController(w)
	defer func() { _ = rc.SetWriteDeadline(time.Time{}) }() // the connection may serve other requests
	write := func(b []byte) bool {
		for piece := range bytesOf(b) {
			_ = rc.SetWriteDeadline(time.Now().Add(pieceDeadline)) // recorders of tests have none
			if _, err := w.Write(piece); err != nil {
				return false
			}
			moved()
		}
		return true
	}
	for i, p := range packets {
		if i > 0 && !write(recordSeparator) || !write(p) {
			return false
		}
	}
	_ = rc.SetWriteDeadline(time.Now().Add(pieceDeadline))
	err := rc.Flush()
	return err == nil || errors.Is(err, http.ErrNotSupported)
}
