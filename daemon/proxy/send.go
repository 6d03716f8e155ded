package proxy

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"shelfkeeper/daemon/memory"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/redact"
)

// wholeSize is the largest body that is held in memory before its head is sent,
// where it cannot be continued: the player then learns the length even of what
// is filtered, and a cut becomes another try or a plain 503.
const wholeSize = 32 << 10

// send writes the head of the answer, for which w's header is ready, and the
// body from src. It returns a refusal only while nothing is written. A body
// that breaks off ends the connection hard, so that no player takes a part for
// the whole (mpv and VLC end silently at a clean early end).
func (s *Server) send(w http.ResponseWriter, c *call, x *exchange, src io.Reader) *refusal.Refusal {
	resp := x.resp
	if s.revoked(c) {
		return refusal.BadGrant // while the server worked on it
	}
	c.body.giveUp(drainWait)
	if c.r.Method == http.MethodHead || resp.StatusCode == http.StatusNotModified || resp.StatusCode == http.StatusNoContent {
		w.WriteHeader(resp.StatusCode)
		return nil
	}
	_, goesOn := src.(*stream.Body)
	small := resp.ContentLength >= 0 && resp.ContentLength <= wholeSize || resp.Uncompressed // perhaps
	if !goesOn && small {
		var room pieceRoom
		defer room.release()
		home := room.large()
		n, err := readWhole(src, home)
		if err != nil && !errors.Is(err, errLarge) {
			return refusal.Temporary.Because("its answer broke off: " + redact.Text(err.Error()))
		}
		if s.revoked(c) {
			return refusal.BadGrant
		}
		if err == nil {
			w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		w.WriteHeader(resp.StatusCode)
		s.write(w, c, home[:n])
		if err == nil {
			return nil
		}
	} else {
		w.WriteHeader(resp.StatusCode)
	}
	s.copyBody(w, c, src)
	return nil
}

// writtenAtOnce is more than net/http's buffers hold: so large a piece has gone out when
// Write returns. At most the end of its chunk, which says nothing, waits for the next piece.
const writtenAtOnce = 12 << 10

// copyBody sends src, whose head is sent.
func (s *Server) copyBody(w http.ResponseWriter, c *call, src io.Reader) {
	defer beginBody()()
	var room pieceRoom
	defer room.release()
	out := http.NewResponseController(w)
	var slow *trickle
	_, goesOn := src.(*stream.Body)
	if !goesOn {
		room.large() // it is no file that is played, and so comes as fast as it can
	}
	if goesOn && needsTrickle(c.r) {
		slow = newTrickle(func(one []byte) {
			if !s.revoked(c) {
				_, _ = w.Write(one) // a player that is gone shows at the next write
				_ = out.Flush()
			}
		})
		defer slow.stop()
	}
	for waiting := true; ; {
		if waiting {
			_ = out.Flush() // a player that is gone shows at the next write
		}
		home := room.next()
		if slow != nil {
			slow.wait()
		}
		n, err := src.Read(home)
		piece := home[:n]
		if slow != nil {
			piece = slow.take(piece, err == io.EOF)
		}
		if s.revoked(c) {
			abort(c)
		}
		if len(piece) > 0 {
			s.write(w, c, piece)
			room.passed(n)
			if haveBegun() {
				memory.GiveBack()
			}
		}
		waiting = len(piece) < writtenAtOnce
		if err == io.EOF {
			return
		}
		if err != nil {
			s.stats.broken.Add(1)
			_ = out.Flush()
			abort(c)
		}
	}
}

// revoked reports whether the grant of c was revoked since c was admitted.
func (s *Server) revoked(c *call) bool { return c.caller.Grant != "" && !s.cfg.Grants.Alive(c.caller) }

func (s *Server) write(w io.Writer, c *call, b []byte) {
	n, err := w.Write(b)
	s.stats.bytes.Add(uint64(n))
	c.piece.Add(n)
	if err != nil {
		abort(c) // the player is gone
	}
}

// abort ends the player's connection so that nobody can take it for a good
// end: with a reset, since a body without a length, as HTTP/1.0 has it, is
// over when its connection is closed.
func abort(c *call) {
	if tcp, ok := tcpOf(c.conn.net); ok {
		_ = tcp.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}

// errLarge: a compressed body has become larger than it was said to be.
var errLarge = errors.New("body larger than the buffer")

// readWhole reads src to its end into b.
func readWhole(src io.Reader, b []byte) (n int, err error) {
	for n < len(b) {
		m, err := src.Read(b[n:])
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, errLarge
}
