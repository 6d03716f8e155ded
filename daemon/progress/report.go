package progress

import (
	"bytes"
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Kind says which of the server's routes a report is for.
type Kind int

// The kinds of reports (abs: server/routers/ApiRouter.js, the same in every
// release from 2.25 to 2.36).
const (
	Sync     Kind = iota + 1 // POST /api/session/:id/sync
	End                      // POST /api/session/:id/close
	Patch                    // PATCH /api/me/progress/:item, and :item/:episode
	Batch                    // PATCH /api/me/progress/batch/update
	Local                    // POST /api/session/local
	LocalAll                 // POST /api/session/local-all
)

// Report is what a player says about its listening.
type Report struct {
	Kind    Kind
	Caller  string // who reports: each caller has its share of the journal, and its turn
	Session string // Sync, End
	Item    string // Patch
	Episode string // Patch of a podcast's episode
	Body    []byte
	// Header holds what of the player's header the server is to see; its
	// Content-Type says how Body is read.
	Header http.Header
}

// Answer is what the player is told.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Kept   bool // the answer is the journal's, not the server's
}

// MaxBody is the largest body that a report of kind k may have to be kept.
// Real ones have a few hundred bytes, and offline sessions some kilobytes.
func (k Kind) MaxBody() int64 {
	switch k {
	case Local, LocalAll, Batch:
		return 2 << 20
	}
	return 64 << 10
}

func (k Kind) method() string {
	if k == Patch || k == Batch {
		return http.MethodPatch
	}
	return http.MethodPost
}

// path is the route without the server's base path, escaped.
func (r Report) path() string {
	switch r.Kind {
	case Sync:
		return "/api/session/" + url.PathEscape(r.Session) + "/sync"
	case End:
		return "/api/session/" + url.PathEscape(r.Session) + "/close"
	case Patch:
		return progressPath(r.Item, r.Episode)
	case Batch:
		return "/api/me/progress/batch/update"
	case Local:
		return "/api/session/local"
	default:
		return "/api/session/local-all"
	}
}

func progressPath(item, episode string) string {
	p := "/api/me/progress/" + url.PathEscape(item)
	if episode != "" {
		p += "/" + url.PathEscape(episode)
	}
	return p
}

// maxID is longer than any id of the server, which are UUIDs, or shorter ones
// of old releases.
const maxID = 128

// maxAgent bounds the User-Agent that is kept.
const maxAgent = 256

func goodID(id string) bool { return id != "" && len(id) <= maxID && id != "." && id != ".." }

// readsJSON reports whether the server reads the body as JSON.
func (r Report) readsJSON() bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// maxListened is more seconds than one report can be about: what says more is
// left to the server to judge.
const maxListened = 1e7

// intervalOf reads the body of a Sync or End. nothing: it says nothing at all,
// which the server takes as the end without a last report.
func (r Report) intervalOf(now time.Time) (s *interval, nothing, ok bool) {
	if r.Kind == End && len(bytes.TrimSpace(r.Body)) == 0 {
		return nil, true, true
	}
	var b map[string]json.RawMessage
	if !r.readsJSON() || json.Unmarshal(r.Body, &b) != nil {
		return nil, false, false
	}
	if r.Kind == End && len(b) == 0 {
		return nil, true, true
	}
	at := now.UnixMilli()
	s = &interval{First: at, At: at, Count: 1}
	var there bool
	if s.Position, there, ok = number(b["currentTime"]); !ok || !there || s.Position < 0 {
		return nil, false, false
	}
	if s.Time, _, ok = number(b["timeListened"]); !ok || s.Time < 0 || s.Time > maxListened {
		return nil, false, false
	}
	if s.Duration, _, ok = number(b["duration"]); !ok || s.Duration < 0 {
		return nil, false, false
	}
	return s, false, true
}

// number reads a JSON number, or a text that holds one, as the server does.
// Absent and null are 0 and not there.
func number(raw json.RawMessage) (n float64, there, ok bool) {
	if raw == nil || string(raw) == "null" {
		return 0, false, true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		n, err := strconv.ParseFloat(text, 64)
		return n, true, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	err := json.Unmarshal(raw, &n)
	return n, true, err == nil
}

// kept is the answer for a report that is safe on disk, in the server's words.
func kept(body []byte, kind string) Answer {
	return Answer{Status: http.StatusOK, Body: body, Kept: true, Header: http.Header{"Content-Type": {kind}}}
}

func keptOK() Answer { return kept([]byte("OK"), "text/plain; charset=utf-8") }

// notFound is what the server says of a session that is not open (measured on
// 2.26.3 to 2.36.0).
func notFound() Answer {
	return Answer{Status: http.StatusNotFound, Body: []byte("Not Found"), Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
}
