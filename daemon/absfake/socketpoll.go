package absfake

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Names of transports.
const (
	transportPolling   = "polling"
	transportWebsocket = "websocket"
)

// compressFrom is the length from which a body is compressed, if the client
// takes that. engine.io 6.5: lib/server, httpCompression
const compressFrom = 1024

// pollTransport is a session over plain requests: GET waits for packets, POST
// brings some. Guarded by Server.mu.
type pollTransport struct {
	s         *Server
	x         *socketSession
	waiting   chan string // where the GET that waits takes its body; nil: none waits
	closing   bool
	discarded bool
	closer    func() // an orderly end that waits for the next GET
	closeBy   *ownedTimer
}

var _ socketTransport = (*pollTransport)(nil)

func (t *pollTransport) name() string { return transportPolling }
func (t *pollTransport) ready() bool  { return t.waiting != nil }
func (t *pollTransport) discard()     { t.discarded = true }

func (t *pollTransport) send(packets []string) {
	closer := t.closer
	if closer != nil {
		t.closer = nil
		packets = append(packets, string(packetClose))
	}
	t.waiting <- encodePayload(packets)
	t.waiting = nil
	if closer != nil {
		closer()
	}
}

func (t *pollTransport) close(then func()) {
	if t.closing {
		return
	}
	t.closing = true
	switch {
	case t.waiting != nil:
		t.send([]string{string(packetClose)})
		then()
	case t.discarded || t.x.state == socketClosed:
		then()
	default:
		end := func() {
			t.closer = nil
			t.closeBy.stop()
			then()
		}
		t.closer = end
		t.closeBy = t.s.afterLocked(lingerTimeout, end)
	}
}

// kill leaves a waiting GET to the context of the process, which ends it.
func (t *pollTransport) kill() {
	t.closing, t.waiting = true, nil
	t.closeBy.stop()
}

// poll answers a GET of a session that exists.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, x *socketSession, t *pollTransport) {
	s.mu.Lock()
	if t.waiting != nil { // two at once: the client has lost its way
		x.closedLocked(reasonTransportError)
		s.mu.Unlock()
		engineEmpty(w, http.StatusBadRequest)
		return
	}
	got := make(chan string, 1)
	t.waiting = got
	x.flushLocked()
	if t.waiting != nil && t.closer != nil {
		t.send([]string{string(packetNoop)})
	}
	s.mu.Unlock()

	select {
	case body := <-got:
		sendPayload(w, r, body)
	case <-r.Context().Done():
		s.mu.Lock()
		if t.waiting == got {
			t.waiting = nil
			x.closedLocked(reasonTransportError)
		}
		s.mu.Unlock()
	}
}

// post takes packets of a session that exists.
func (s *Server) post(w http.ResponseWriter, r *http.Request, x *socketSession, t *pollTransport, raw []byte) {
	switch {
	case r.Header.Get("Content-Type") == "application/octet-stream":
		// The session ends and the request is forgotten: no answer ever comes.
		s.mu.Lock()
		x.closedLocked(reasonTransportError)
		s.mu.Unlock()
		<-r.Context().Done()
		return
	case len(raw) > maxPayload:
		engineEmpty(w, http.StatusRequestEntityTooLarge)
		return
	}
	s.mu.Lock()
	for packet := range strings.SplitSeq(strings.ToValidUTF8(string(raw), "\uFFFD"), packetSeparator) {
		kind, data := decodePacket(packet)
		if kind == packetClose {
			if t.waiting != nil {
				t.send([]string{string(packetNoop)})
			}
			t.closing = true
			x.closedLocked(reasonTransportClose)
			continue
		}
		x.packetLocked(kind, data)
	}
	x.arrivedLocked()
	s.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "text/html")
	h.Set("Content-Length", "2")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, "ok")
}

// sendPayload is the answer to a GET.
func sendPayload(w http.ResponseWriter, r *http.Request, body string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	out := []byte(body)
	if len(out) >= compressFrom {
		if coding := acceptedCoding(r.Header.Get("Accept-Encoding")); coding != "" {
			h.Set("Content-Encoding", coding)
			out = compress(coding, out)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(out)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(out)
}

func compress(coding string, body []byte) []byte {
	var b bytes.Buffer
	var z io.WriteCloser = gzip.NewWriter(&b)
	if coding == "deflate" {
		z = zlib.NewWriter(&b)
	}
	_, _ = z.Write(body) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// acceptedCoding is the client's choice among gzip and deflate, or "".
func acceptedCoding(header string) string {
	best, weight := "", 0.0
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "*" {
			name = "gzip"
		}
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64) // what is no number weighs nothing
		}
		if (name == "gzip" || name == "deflate") && q > weight {
			best, weight = name, q
		}
	}
	return best
}
