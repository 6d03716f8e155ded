package progress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/redact"
)

const (
	// callDeadline bounds one request of a delivery. A report takes a server
	// milliseconds; one that wakes its disks some seconds.
	callDeadline = 15 * time.Second
	// maxAnswer bounds the answers to reports: a few bytes, or one line for
	// each offline session.
	maxAnswer = 1 << 20
	// maxList bounds one page of the sessions listened to.
	maxList = 8 << 20
)

// errTemporary is wrapped by every error that is not the server's own answer.
var errTemporary = errors.New("no answer of the server's")

// client asks one server with the account's token.
type client struct {
	cfg   Config
	clock clock
}

func newClient(cfg Config) *client { return &client{cfg: cfg} }

// send returns the server's answer, whose body is the caller's to close. The
// server's own 401 makes it ask once more with another token; a request that
// was refused for its token did nothing.
func (c *client) send(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
	token, err := c.cfg.Tokens.Token(ctx)
	for again := true; ; again = false {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errTemporary, err)
		}
		// Asked after the token was given: a sign-in as somebody else in
		// between must not carry these reports along.
		if who := c.cfg.Identity(); who != c.cfg.UserID {
			return nil, fmt.Errorf("%w: another user is signed in", errTemporary)
		}
		resp, err2 := c.cfg.Transport.RoundTrip(c.request(ctx, token, method, path, body, header))
		if err2 != nil {
			return nil, fmt.Errorf("%w: %s", errTemporary, redact.Text(err2.Error()))
		}
		c.clock.saw(resp.Header.Get("Date"), time.Now())
		if resp.StatusCode != http.StatusUnauthorized {
			return resp, nil
		}
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 64))
		resp.Body.Close()
		own := string(said) == "Unauthorized" && resp.Header["Www-Authenticate"] == nil
		if !own || !again {
			return nil, fmt.Errorf("%w: 401", errTemporary)
		}
		token, err = c.cfg.Tokens.Suspect(ctx, token)
	}
}

func (c *client) request(ctx context.Context, token redact.Secret, method, path string, body []byte, header http.Header) *http.Request {
	base := c.cfg.Base
	escaped := strings.TrimRight(base.EscapedPath(), "/") + path
	route, query, _ := strings.Cut(escaped, "?")
	plain, _ := url.PathUnescape(route) // built of escaped parts
	r := (&http.Request{
		Method: method, Host: base.Host, Header: make(http.Header, 6),
		URL:   &url.URL{Scheme: base.Scheme, Host: base.Host, Path: plain, RawPath: route, RawQuery: query},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Del("Content-Length")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	if len(body) > 0 {
		// Without GetBody the transport cannot repeat a report by itself.
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	return r
}

// ask is send with the whole answer.
func (c *client) ask(ctx context.Context, method, path string, body []byte, header http.Header) (Answer, error) {
	resp, err := c.send(ctx, method, path, body, header)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	limit := int64(maxAnswer)
	if method == http.MethodGet {
		limit = maxList
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%w: %s", errTemporary, redact.Text(err.Error()))
	case int64(len(b)) > limit:
		return Answer{}, fmt.Errorf("%w: too large", errTemporary)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: b}, nil
}

const (
	// graceCut is how long the server may still be at work on a report whose
	// connection was cut: it needs milliseconds. Only then is it asked whether
	// it has counted it.
	graceCut = time.Second
	// graceSlow is the same where the server, or a gateway before it, did not
	// answer in time: it goes on working for nobody.
	graceSlow = 10 * time.Second
)

// afterStart is when the server may be asked of what an earlier run sent.
func afterStart() time.Time { return time.Now().Add(graceCut) }

// report sends r as the player sent it. quiet is how long to wait before the
// server is asked what became of it.
func (c *client) report(ctx context.Context, r Report) (a Answer, v verdict, quiet time.Duration) {
	a, err := c.ask(ctx, r.Kind.method(), r.path(), r.Body, r.Header)
	switch {
	case err == nil && a.Status == http.StatusGatewayTimeout, ctx.Err() != nil:
		return a, temporary, graceSlow
	case err != nil:
		return a, temporary, graceCut
	}
	if v = judge(r.Kind, a); v == temporary || v == stuck {
		quiet = graceCut
	}
	return a, v, quiet
}

// openSession asks for a session that is open at the server.
func (c *client) openSession(ctx context.Context, id string) (*info, verdict) {
	resp, err := c.send(ctx, http.MethodGet, "/api/session/"+url.PathEscape(id), nil, nil)
	if err != nil {
		return nil, temporary
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		if err != nil {
			return nil, temporary
		}
		return nil, judge(Sync, Answer{Status: resp.StatusCode, Header: resp.Header, Body: b})
	}
	if !isType(resp.Header, "application/json") {
		return nil, temporary
	}
	said, in, err := readInfo(resp.Body)
	if err != nil || said != id {
		return nil, temporary
	}
	return in, taken
}

const (
	listPage  = 50
	listPages = 6
)

// listened looks for a session in the server's list of sessions, newest first.
// It returns nil where there is none.
func (c *client) listened(ctx context.Context, id string) (*info, error) {
	for page := range listPages {
		a, err := c.ask(ctx, http.MethodGet, fmt.Sprintf("/api/me/listening-sessions?itemsPerPage=%d&page=%d", listPage, page), nil, nil)
		if err != nil {
			return nil, err
		}
		var list struct {
			NumPages *int
			Sessions []map[string]json.RawMessage
		}
		if a.Status != http.StatusOK || json.Unmarshal(a.Body, &list) != nil || list.NumPages == nil {
			return nil, fmt.Errorf("%w: list of sessions: %d", errTemporary, a.Status)
		}
		for _, fields := range list.Sessions {
			if string(fields["id"]) != `"`+id+`"` {
				continue
			}
			bound(fields)
			if _, in, err := infoOf(fields); err == nil {
				return in, nil
			}
		}
		if page+1 >= *list.NumPages {
			break
		}
	}
	return nil, nil
}

// place is where the user is in an item, as the server has it.
type place struct {
	LastUpdate    int64
	CurrentTime   *float64
	IsFinished    bool
	EbookLocation *string
	EbookProgress *float64
}

// at reports whether the place is position.
func (p *place) at(position float64) bool {
	return p.CurrentTime != nil && abs(*p.CurrentTime-position) < sumSlack
}

func abs(x float64) float64 { return max(x, -x) }

// place asks where the user is; it returns nil if there is no progress yet.
func (c *client) place(ctx context.Context, item, episode string) (*place, error) {
	a, err := c.ask(ctx, http.MethodGet, progressPath(item, episode), nil, nil)
	switch {
	case err != nil:
		return nil, err
	case a.Status == http.StatusNotFound && judge(Sync, a) == gone:
		return nil, nil
	case a.Status != http.StatusOK || !isType(a.Header, "application/json"):
		return nil, fmt.Errorf("%w: progress: %d", errTemporary, a.Status)
	}
	var p place
	if json.Unmarshal(a.Body, &p) != nil || p.LastUpdate == 0 {
		return nil, fmt.Errorf("%w: progress that is none", errTemporary)
	}
	return &p, nil
}

// clock knows how far the server's clock is from ours.
type clock struct {
	mu     sync.Mutex
	known  bool // the server has told its time
	offset time.Duration
}

// clockSlack is what a Date of whole seconds leaves open, and half a second
// for the way: within it, both clocks are taken to be the same.
const clockSlack = 1500 * time.Millisecond

func (c *clock) saw(date string, now time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	offset := at.Add(500 * time.Millisecond).Sub(now)
	if offset > -clockSlack && offset < clockSlack {
		offset = 0
	}
	c.mu.Lock()
	c.offset, c.known = offset, true
	c.mu.Unlock()
}

// isAhead reports whether a moment of the server's clock has not come yet.
func (c *clock) isAhead(ms int64) bool {
	now := c.server(time.Now().UnixMilli())
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known && ms > now+clockSlack.Milliseconds()
}

// server turns a moment of our clock, in ms, into the server's. It is never
// ahead of the server's now.
func (c *clock) server(ms int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(ms, time.Now().UnixMilli()) + c.offset.Milliseconds()
}
