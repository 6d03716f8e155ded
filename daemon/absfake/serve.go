package absfake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	// Node answers 431 when the request line and headers pass 16 KiB.
	maxHeader = 16 << 10
	// abs: server/Server.js, express.json({ limit: '10mb' })
	maxJSON = 10 << 20
	maxForm = 5 << 20
)

// request is what handlers get beside the http.Request.
type request struct {
	*http.Request
	s      *Server
	path   string            // without the base path
	params map[string]string // of the route's pattern
	body   any               // decoded JSON or form; nil: none
	raw    []byte            // the body as it came
	user   *user             // who the bearer token belongs to, on /api
	run    context.Context   // ends with the process
}

type requestKey struct{}

// serve is every request: faults first, then headers, body, route.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.handling.Add(1)
	run := s.run
	s.mu.Unlock()
	defer s.handling.Done()

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(run, cancel)()

	// The body is read before anything waits: only then does net/http notice
	// that a client has gone.
	raw, tooLarge := readBody(r)
	r = r.WithContext(ctx)

	entry := s.ledger.begin(s, r)
	rec := &recorder{ResponseWriter: w, entry: entry, ledger: s.ledger}
	defer func() {
		if run.Err() != nil {
			rec.cut = true
		}
		s.ledger.end(rec)
		if rec.cut {
			panic(http.ErrAbortHandler)
		}
	}()
	s.withFaults(rec, r, run, func(w http.ResponseWriter) {
		s.answer(w, r, run, raw, tooLarge)
	})
}

func readBody(r *http.Request) (raw []byte, tooLarge bool) {
	limit := int64(maxJSON)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		limit = maxForm
	}
	raw, _ = io.ReadAll(io.LimitReader(r.Body, limit+1)) // a body that breaks off is a client that has gone
	return raw, int64(len(raw)) > limit
}

// answer is the server without faults.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, run context.Context, raw []byte, tooLarge bool) {
	if headerSize(r) > maxHeader {
		h := w.Header()
		h["Content-Type"], h["Date"] = nil, nil
		h.Set("Connection", "close")
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	if s.answerSocket(w, r, run, raw) {
		return
	}
	q := &request{Request: r, s: s, run: run, raw: raw}
	path, known := s.routed(r.URL.Path)
	if s.commonHeaders(w, r) {
		return
	}
	if !known {
		notFound(w, r)
		return
	}
	q.path = path
	q.Request = r.WithContext(context.WithValue(r.Context(), requestKey{}, q))

	status, err := q.parseBody(raw, tooLarge)
	if err != nil {
		page(w, q.Request, status, "")
		return
	}
	s.route(w, q)
}

// routed cuts the base path off. Paths that merely begin with its letters, or
// have it twice, are nowhere.
func (s *Server) routed(path string) (string, bool) {
	base := s.cfg.BasePath
	if base == "" || !strings.HasPrefix(path, base) {
		return underMounts(path), true
	}
	rest := path[len(base):]
	if rest == "" {
		return "/", true
	}
	return underMounts(rest), rest[0] == '/'
}

// underMounts drops the one slash too many that Express takes behind a place
// where a router is mounted: "//x" and "/api//x", and not "///x" or "/x//y"
// (measured on 2.26.3 and 2.36.0).
func underMounts(path string) string {
	path = oneSlash("", path)
	for _, mount := range []string{"/api", "/hls", "/public"} {
		if len(path) > len(mount) && strings.EqualFold(path[:len(mount)], mount) && path[len(mount)] == '/' {
			return oneSlash(path[:len(mount)], path)
		}
	}
	return path
}

func oneSlash(mount, path string) string {
	rest := path[len(mount):]
	if strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///") {
		return mount + rest[1:]
	}
	return path
}

var corsPath = regexp.MustCompile(`/api/items/[a-z0-9-]{36}/(ebook|cover)(/[0-9]+)?`)

// commonHeaders sets what every answer has and reports whether that was all.
// abs: server/Server.js, the first middleware
func (s *Server) commonHeaders(w http.ResponseWriter, r *http.Request) (done bool) {
	h := w.Header()
	if !r.Close && r.ProtoAtLeast(1, 1) {
		h.Set("Connection", "keep-alive")
		h.Set("Keep-Alive", "timeout=5")
	}
	h.Set("Content-Security-Policy", "frame-ancestors 'self'")
	if s.facts.referrerPolicy {
		h.Set("Referrer-Policy", "no-referrer")
	}
	origin := r.Header.Get("Origin")
	if corsPath.MatchString(r.URL.Path) && (origin == "capacitor://localhost" || origin == "http://localhost") {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, PUT, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "*")
		h.Set("Access-Control-Allow-Credentials", "true")
		if r.Method == http.MethodOptions {
			sendStatus(w, r, http.StatusOK)
			return true
		}
	}
	return false
}

func headerSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host) + 24
	for k, values := range r.Header {
		for _, v := range values {
			n += len(k) + len(v) + 4
		}
	}
	return n
}

var errBody = errors.New("body refused")

// parseBody decodes JSON and forms as body-parser does: before any
// authorisation, and strictly an object or a list.
func (q *request) parseBody(raw []byte, tooLarge bool) (status int, err error) {
	if len(raw) == 0 {
		return 0, nil
	}
	kind, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "application/json":
		if tooLarge {
			return http.StatusRequestEntityTooLarge, errBody
		}
		trimmed := bytes.TrimLeft(raw, " \t\r\n")
		if len(trimmed) == 0 || (trimmed[0] != '{' && trimmed[0] != '[') {
			return http.StatusBadRequest, errBody
		}
		if json.Unmarshal(raw, &q.body) != nil {
			return http.StatusBadRequest, errBody
		}
	case "application/x-www-form-urlencoded":
		if tooLarge {
			return http.StatusRequestEntityTooLarge, errBody
		}
		values, _ := url.ParseQuery(string(raw)) // what cannot be read is left out
		m := map[string]any{}
		for k := range values {
			m[k] = values.Get(k)
		}
		q.body = m
	}
	return 0, nil
}

// field is a member of the body's object; ok is false where there is none.
func (q *request) field(name string) (v any, ok bool) {
	m, _ := q.body.(map[string]any)
	v, ok = m[name]
	return v, ok
}

// cookie is the value of a cookie, or "".
func (q *request) cookie(name string) string {
	c, err := q.Request.Cookie(name)
	if err != nil {
		return ""
	}
	v, err := url.QueryUnescape(c.Value)
	if err != nil {
		return c.Value
	}
	return v
}

// secure tells whether cookies get Secure. abs: server/utils/requestUtils.js
func (q *request) secure() bool {
	if q.TLS != nil {
		return true
	}
	proto := strings.ToLower(q.Header.Get("X-Forwarded-Proto"))
	if !q.s.facts.secureInList {
		return q.Header.Get("X-Forwarded-Proto") == "https"
	}
	for part := range strings.SplitSeq(proto, ",") {
		if strings.TrimSpace(part) == "https" {
			return true
		}
	}
	return false
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func nowMillis() int64 { return time.Now().UnixMilli() }
