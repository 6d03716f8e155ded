package absfake

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// gatewayPage is what a reverse proxy shows when the server behind it is away.
const gatewayPage = "<html>\r\n<head><title>%s</title></head>\r\n" +
	"<body>\r\n<center><h1>%s</h1></center>\r\n<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n"

// portalPage is what a hotel's network shows instead of any page.
const portalPage = "<!doctype html>\n<html><head><title>Welcome</title></head><body><h1>Welcome to our network</h1><form " +
	"action=\"/accept\"><button>Connect</button></form></body></html>\n"

// portalURL is where a redirect leads unless the fault says otherwise. The name
// is reserved and resolves nowhere.
const portalURL = "http://portal.invalid/welcome"

// withFaults answers the request through the faults that strike it.
func (s *Server) withFaults(rec *recorder, r *http.Request, run context.Context, answer func(http.ResponseWriter)) {
	path, _ := s.routed(r.URL.Path)
	shape := &shaper{recorder: rec, ctx: r.Context()}
	for _, a := range s.striking(r.Method, path, wantsUpgrade(r)) {
		s.ledger.fault(rec.entry, a.Kind)
		switch a.Kind {
		case Refuse:
			rec.refuse()
			return
		case Stall:
			if a.Bytes > 0 {
				shape.stall = a
				continue
			}
			if !hold(r.Context(), a) {
				rec.cut = true
				return
			}
		case CutBytes:
			shape.cutBytes, shape.cutsBytes = a.Bytes, true
		case CutAfter:
			shape.cutAfter = a.After
		case Rate:
			shape.rate = a.Bytes
		case LoseAnswer:
			answer(discard{header: http.Header{}})
			rec.cut = true
			return
		case Restart:
			if a.Handled {
				answer(discard{header: http.Header{}})
			}
			s.Restart()
			rec.cut = true
			return
		case Answer, Portal, Redirect, InternalAs401:
			if a.Handled {
				answer(discard{header: http.Header{}})
			}
			a.answer(rec, r)
			return
		}
	}
	answer(shape)
	shape.finish()
}

// answer is what stands in for the server's own.
func (a *armedFault) answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	status, kind, body := a.Status, a.ContentType, a.Body
	switch a.Kind {
	case InternalAs401:
		sendJSON(w, r, http.StatusUnauthorized, object{{"error", msgInvalidRefresh}})
		return
	case Redirect:
		if status == 0 {
			status = http.StatusFound
		}
		location := a.Location
		if location == "" {
			location = portalURL
		}
		h.Set("Location", location)
	case Portal:
		if status == 0 {
			status = http.StatusOK
		}
		if body == "" {
			body = portalPage
		}
	default:
		if status == 0 {
			status = http.StatusBadGateway
		}
		if body == "" {
			title := strconv.Itoa(status) + " " + http.StatusText(status)
			body = fmt.Sprintf(gatewayPage, title, title)
		}
	}
	if kind == "" {
		kind = "text/html"
	}
	h.Set("Server", "gateway")
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}

// hold waits as a stall says; false: the client or the process has gone.
func hold(ctx context.Context, a *armedFault) bool {
	if a.After > 0 {
		waiting, cancel := context.WithTimeout(ctx, a.After)
		defer cancel()
		select {
		case <-waiting.Done():
		case <-a.gone:
		}
		return ctx.Err() == nil
	}
	select {
	case <-a.gone:
		return true
	case <-ctx.Done():
		return false
	}
}

// recorder tells the ledger what leaves.
type recorder struct {
	http.ResponseWriter
	entry  *Entry
	ledger *Ledger
	status int
	cut    bool // the connection is to be cut once the handler has returned
}

func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
		rec.ledger.wrote(rec.entry, status, 0)
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	n, err := rec.ResponseWriter.Write(p)
	rec.ledger.wrote(rec.entry, rec.status, n)
	return n, err
}

// refuse resets the connection.
func (rec *recorder) refuse() {
	rec.cut = true
	conn, _, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err != nil {
		return // not a connection of its own, as under HTTP/2
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// discard is a response that nobody will read.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
