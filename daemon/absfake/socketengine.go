package absfake

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// socketPath is where Socket.IO answers, also under the base path, with or
// without which there is an engine of its own. It minds case.
const socketPath = "/socket.io/"

// upgradePatience is how long an upgrade that nobody takes stays open.
// engine.io 6.5: lib/server, destroyUpgradeTimeout
const upgradePatience = time.Second

// Errors of the handshake. engine.io 6.5: lib/server
const (
	engineUnknownTransport = iota
	engineUnknownSession
	engineBadMethod
	engineBadRequest
	_
	engineOldProtocol
	engineFine = -1
)

var engineMessages = map[int]string{
	engineUnknownTransport: "Transport unknown",
	engineUnknownSession:   "Session ID unknown",
	engineBadMethod:        "Bad handshake method",
	engineBadRequest:       "Bad request",
	engineOldProtocol:      "Unsupported protocol version",
}

// engineOf is the engine that answers on the path; "": none does.
func (s *Server) engineOf(r *http.Request) string {
	path := r.URL.EscapedPath()
	if under := s.cfg.BasePath + socketPath; strings.HasPrefix(path, under) {
		return under
	}
	if strings.HasPrefix(path, socketPath) {
		return socketPath
	}
	return ""
}

// answerSocket answers what does not reach the routes: Socket.IO, and anything
// that asks for another protocol. It reports whether the request was one of it.
func (s *Server) answerSocket(w http.ResponseWriter, r *http.Request, run context.Context, raw []byte) bool {
	engine := s.engineOf(r)
	switch {
	case wantsUpgrade(r) && engine == "":
		s.ignoreUpgrade(w, r)
	case wantsUpgrade(r):
		s.upgradeSocket(w, r, run, engine)
	case engine == "":
		return false
	default:
		s.answerEngine(w, r, engine, raw)
	}
	return true
}

func wantsUpgrade(r *http.Request) bool {
	if r.Header.Get("Upgrade") == "" {
		return false
	}
	for token := range strings.SplitSeq(strings.Join(r.Header.Values("Connection"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
			return true
		}
	}
	return false
}

// answerEngine answers a request that asks for no upgrade.
func (s *Server) answerEngine(w http.ResponseWriter, r *http.Request, engine string, raw []byte) {
	h := w.Header()
	if !r.Close && r.ProtoAtLeast(1, 1) {
		h.Set("Connection", "keep-alive")
		h.Set("Keep-Alive", "timeout=5")
	}
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET,POST")
		h.Set("Vary", "Access-Control-Request-Headers")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
		}
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.mu.Lock()
	x, code := s.verifyLocked(r, engine, false)
	if code == engineFine && x == nil && r.URL.Query().Get("EIO") != "4" {
		code = engineOldProtocol
	}
	if code != engineFine {
		s.mu.Unlock()
		engineRefusal(w, r, code)
		return
	}
	if x == nil {
		t := &pollTransport{s: s}
		got := make(chan string, 1)
		t.waiting = got
		t.x = s.openSocketLocked(engine, clientAddress(r), t)
		s.mu.Unlock()
		sendPayload(w, r, <-got)
		return
	}
	t, polls := x.transport.(*pollTransport)
	s.mu.Unlock()
	switch {
	case !polls:
		<-r.Context().Done() // a plain request for a WebSocket session: no answer ever comes
	case r.Method == http.MethodGet:
		s.poll(w, r, x, t)
	case r.Method == http.MethodPost:
		s.post(w, r, x, t, raw)
	default:
		engineEmpty(w, http.StatusInternalServerError)
	}
}

// verifyLocked checks transport and session of a request; the session is nil for
// a handshake.
func (s *Server) verifyLocked(r *http.Request, engine string, upgrade bool) (*socketSession, int) {
	query := r.URL.Query()
	transport := query.Get("transport")
	if transport != transportPolling && transport != transportWebsocket {
		return nil, engineUnknownTransport
	}
	if sid := query.Get("sid"); sid != "" {
		x := s.sessionLocked(engine, sid)
		switch {
		case x == nil:
			return nil, engineUnknownSession
		case !upgrade && x.transport.name() != transport:
			return nil, engineBadRequest
		}
		return x, engineFine
	}
	switch {
	case r.Method != http.MethodGet:
		return nil, engineBadMethod
	case transport == transportWebsocket && !upgrade:
		return nil, engineBadRequest
	}
	return nil, engineFine
}

// engineRefusal is the answer to a request that no session or handshake fits.
func engineRefusal(w http.ResponseWriter, r *http.Request, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	flush(w) // Node does not know the length when it writes the headers
	if r.Method != http.MethodHead {
		_, _ = w.Write(toJSON(object{{"code", code}, {"message", engineMessages[code]}}))
	}
}

// engineEmpty is a status and nothing else.
func engineEmpty(w http.ResponseWriter, status int) {
	w.Header()["Content-Type"] = nil
	w.WriteHeader(status)
	flush(w)
}

// ignoreUpgrade is what becomes of an upgrade elsewhere: with a listener for
// upgrades in the process it reaches no route and, after a while, its end.
func (s *Server) ignoreUpgrade(w http.ResponseWriter, r *http.Request) {
	conn := hijack(w)
	if conn == nil {
		return
	}
	sleep(r.Context(), upgradePatience)
	_ = conn.Close()
}

// abortUpgrade answers an upgrade in plain HTTP and ends the connection.
func abortUpgrade(w http.ResponseWriter, status, contentType, message string) {
	conn := hijack(w)
	if conn == nil {
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(abortPatience))
	_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nConnection: close\r\n"+contentType+": text/html\r\nContent-Length: "+
		strconv.Itoa(len(message))+"\r\n\r\n"+message)
	_ = conn.Close()
}
