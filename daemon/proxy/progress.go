package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"shelfkeeper/daemon/progress"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/route"
)

// Journal keeps reports of listening that meet a temporary failure; see
// progress.Journal for what each call promises.
type Journal interface {
	// Take brings a report to the server, or keeps it.
	Take(ctx context.Context, r progress.Report) (progress.Answer, error)
	// Opened is told of the answer that opens a playback session for a caller.
	Opened(caller string, answer io.Reader)
	// Reserve waits until a body of n bytes may be read into memory.
	Reserve(ctx context.Context, n int64) (release func(), err error)
	// AwaitDelivery waits until what is kept is delivered, or cannot be yet.
	AwaitDelivery(ctx context.Context)
}

// reports are the routes on which players report their listening (abs:
// server/routers/ApiRouter.js). The one for many comes before the one for an
// item that could be called "batch".
var reports = []struct {
	kind   progress.Kind
	routes route.Set
}{
	{progress.Sync, route.Parse(`POST /api/session/:id/sync`)},
	{progress.End, route.Parse(`POST /api/session/:id/close`)},
	{progress.Batch, route.Parse(`PATCH /api/me/progress/batch/update`)},
	{progress.Patch, route.Parse("PATCH /api/me/progress/:id\nPATCH /api/me/progress/:id/:episode")},
	{progress.Local, route.Parse(`POST /api/session/local`)},
	{progress.LocalAll, route.Parse(`POST /api/session/local-all`)},
}

// placeRoutes tell where the listener is, or begin from there. A report that
// still waits goes first.
var placeRoutes = route.Parse(`
POST /api/authorize
POST /api/items/:id/play
POST /api/items/:id/play/:episode
GET  /api/me
GET  /api/me/progress
GET  /api/me/progress/:id
GET  /api/me/progress/:id/:episode
GET  /api/me/items-in-progress
GET  /api/me/listening-sessions
GET  /api/me/listening-stats
GET  /api/libraries/:id/personalized
GET  /api/session/:id
`)

const (
	// settleWait is how long a question waits for the reports before it. With
	// the server at hand each takes milliseconds.
	settleWait = 3 * time.Second
)

// isReport reports whether c is a report of listening that the journal may
// take.
func (s *Server) isReport(c *call) bool {
	if s.cfg.Journal == nil || c.needs != withBearer {
		return false
	}
	_, ok := reportOf(c)
	return ok
}

// listens answers c where it is a report of listening that the journal takes.
// Where it reports false, c goes the common way; a question for the listener's
// place has then waited for what waits before it.
func (s *Server) listens(w http.ResponseWriter, c *call) (answered bool) {
	if s.cfg.Journal == nil || c.needs != withBearer {
		return false
	}
	if placeRoutes.Matches(c.r.Method, c.path) {
		ctx, cancel := context.WithTimeout(c.r.Context(), settleWait)
		defer cancel()
		s.cfg.Journal.AwaitDelivery(ctx)
		return false
	}
	r, ok := reportOf(c)
	if !ok || c.r.ContentLength > r.Kind.MaxBody() {
		return false
	}
	release, err := s.reserve(c.r, r.Kind.MaxBody())
	if err != nil {
		s.refuse(w, c, refusal.Temporary.Because("too many reports come at the same time"))
		return true
	}
	defer func() {
		if answered {
			release()
		} else { // the body stays in memory until the server has it
			context.AfterFunc(c.r.Context(), release)
		}
	}()
	body, err := readReport(c.r, r.Kind.MaxBody())
	if err != nil {
		s.refuse(w, c, unreadBody(err))
		return true
	}
	if int64(len(body)) <= r.Kind.MaxBody() {
		r.Body = body
		a, err := s.cfg.Journal.Take(c.r.Context(), r)
		switch {
		case err == nil:
			s.report(w, c, a)
			return true
		case errors.Is(err, progress.ErrFull):
			s.refuse(w, c, refusal.JournalFull)
			return true
		case errors.Is(err, progress.ErrDisk):
			no := refusal.JournalDisk
			var part *progress.PartError
			if errors.As(err, &part) {
				no = no.Because(part.Error())
			}
			s.refuse(w, c, no)
			return true
		}
	}
	// It goes the common way, as it came.
	rest := c.r.Body
	c.r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), rest}
	return false
}

// reserveWait is how long a report waits until others have left the memory.
const reserveWait = 5 * time.Second

// reserve waits until there is room for the body of r, which has at most limit
// bytes.
func (s *Server) reserve(r *http.Request, limit int64) (release func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), reserveWait)
	defer cancel()
	n := r.ContentLength
	if n < 0 {
		n = limit
	}
	return s.cfg.Journal.Reserve(ctx, n)
}

// readReport returns the body of r, or one byte more than limit of it. A body of
// a known length is read into memory of that length.
func readReport(r *http.Request, limit int64) ([]byte, error) {
	if n := r.ContentLength; n >= 0 && n <= limit {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	return io.ReadAll(io.LimitReader(r.Body, limit+1))
}

// reportOf says what c reports, but for its body.
func reportOf(c *call) (progress.Report, bool) {
	if m := c.r.Method; m != http.MethodPost && m != http.MethodPatch {
		return progress.Report{}, false
	}
	for _, one := range reports {
		if !one.routes.Matches(c.r.Method, c.path) {
			continue
		}
		r := progress.Report{Kind: one.kind, Caller: c.reporter(), Header: make(http.Header, 2)}
		for _, name := range []string{"Content-Type", "User-Agent"} {
			if v := c.r.Header[name]; v != nil {
				r.Header[name] = v
			}
		}
		parts := route.Segments(c.path) // api session ID sync; api me progress ITEM EPISODE
		switch one.kind {
		case progress.Sync, progress.End:
			r.Session = parts[2]
		case progress.Patch:
			r.Item = parts[3]
			if len(parts) > 4 {
				r.Episode = parts[4]
			}
		}
		return r, true
	}
	return progress.Report{}, false
}

// reporter names the program that reports listening: by its grant, or else by what
// it calls itself.
func (c *call) reporter() string {
	if c.caller.Grant != "" {
		return c.caller.Grant
	}
	return "own " + c.r.Header.Get("User-Agent")
}

// report gives the player what the journal says: the server's answer, filtered
// like every other, or its own.
func (s *Server) report(w http.ResponseWriter, c *call, a progress.Answer) {
	x := &exchange{cut: cut{func(error) {}}, watchdog: s.broadcast.NewWatchdog(), resp: &http.Response{
		Status: http.StatusText(a.Status), StatusCode: a.Status, Header: a.Header, ContentLength: int64(len(a.Body)),
		Body: io.NopCloser(bytes.NewReader(a.Body)), Request: c.r,
	}}
	defer x.watchdog.Over()
	no := s.foreign(c, x.resp)
	if no == nil {
		no = s.answer(w, c, x)
	}
	if no != nil {
		s.refuse(w, c, no)
	}
}
