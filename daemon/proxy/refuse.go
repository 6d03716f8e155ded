package proxy

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"shelfkeeper/daemon/proxy/refusal"
)

// count counts an answer of our own.
func (s *Server) count(no *refusal.Refusal) {
	s.stats.mu.Lock()
	s.stats.refused[no.Name]++
	s.stats.mu.Unlock()
	if no.Status == http.StatusUnauthorized {
		s.stats.unauthorized.Add(1)
	}
}

// refuse answers the player with no.
func (s *Server) refuse(w http.ResponseWriter, c *call, no *refusal.Refusal) {
	s.count(no)
	no = forAsker(c, no)
	rest := drainWait
	if s.closeAfterStranger(w, c) {
		rest = 0 // its connection ends with the answer
	}
	c.body.giveUp(rest)
	if c.body != nil && c.body.late.Load() {
		w.Header().Set("Connection", "close") // nothing that follows could be told from it
	}
	s.remember(c, no)
	s.log.LogAttrs(c.r.Context(), slog.LevelDebug, "request refused",
		slog.String("reason", no.Name), slog.String("method", refusal.OneLine(c.r.Method)), slog.Int("status", no.Status))

	h := w.Header()
	h.Set("Shelfkeeper-Reason", no.Text())
	h.Set("Cache-Control", "no-store")
	if no.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(no.Retry.Seconds()))))
	}
	if no.Location != "" {
		h.Set("Location", no.Location)
	}
	body := no.Words
	if body == "" {
		body = fmt.Sprintf("shelfkeeper: %s\n", no.Text())
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	} else {
		h["Content-Type"] = nil // the server's own words come without one
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(no.Status)
	if c.r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // the player may be gone
	}
}

// forAsker returns no with the remedy for its reader: a person in front of a
// browser can do other things than a program.
func forAsker(c *call, no *refusal.Refusal) *refusal.Refusal {
	if no != refusal.OtherOrigin || c.r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		return no
	}
	own := *no
	if origin := originHeader(c.r); origin != "" && origin != "null" {
		own.Cause += " (" + refusal.OneLine(origin) + ")"
		own.Remedy = "if it is a program of yours, let it present a grant (`shelfkeeper players add NAME`), " +
			"or trust it: `shelfkeeper players trust NAME " + refusal.OneLine(origin) + "`"
	} else {
		own.Remedy = "if it is a program of yours, let it present a grant in every request: `shelfkeeper players add NAME`"
	}
	return &own
}
