// Package absapi calls the sign-in part of the Audiobookshelf API: ping,
// status, login, OpenID, refresh, logout and me. It is the only place where an
// answer is judged: every status, body and transport error becomes one Verdict
// here.
//
// It exists because a session may end only on an authentic rejection. A
// gateway's 401, a 404 while the server restarts, a captive portal's page and
// a lost answer are temporary failures. To a client that goes by status codes
// they look like a rejection.
//
// Begin with New and the methods of Client, one for each call of the server. Their
// error is an *Error: it holds the Verdict, the evidence for a person, and how long to
// wait. A Client is as safe for concurrent use as its Doer.
//
// It never keeps a token, never retries, never follows a redirect with a
// secret in hand, and never judges whether a token has expired.
package absapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"unicode/utf8"

	"shelfkeeper/daemon/redact"
)

// Doer sends one request. It must not follow redirects and must not hold
// cookies: the refresh_token cookie that ABS sets would later beat the header
// on /logout (abs: server/Auth.js).
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client asks one server. It is immutable and safe for concurrent use as far
// as its Doer is. Deadlines are the caller's: each method ends with its ctx.
type Client struct {
	doer Doer
	base *url.URL
}

// New returns a client of the server at base; the paths of the API are added
// to base's own, so a sub-folder belongs into it.
func New(doer Doer, base *url.URL) *Client {
	own := *base
	own.RawQuery, own.Fragment, own.User = "", "", nil
	return &Client{doer: doer, base: &own}
}

// Ping asks whether an answer of ABS finds its way back. It asks the cheapest
// question first. Some gateways answer /ping themselves, such as oauth2-proxy with
// the text OK: then /status decides, over the same connection.
func (c *Client) Ping(ctx context.Context) (Meta, error) {
	a, err := c.ask(ctx, call{op: opPing, method: http.MethodGet, path: "ping"})
	if err == nil || !answeredByAnother(a, err) {
		return a.meta(), err
	}
	status, failed := c.Status(ctx)
	if failed != nil {
		return a.meta(), err // the first answer says as much, and a gateway may know only that path
	}
	return status.Meta, nil
}

// answeredByAnother reports whether a gateway answered in place of ABS, and not
// because ABS does not run.
func answeredByAnother(a reply, err error) bool {
	return VerdictOf(err) == Temporary && a.err == nil && a.status != 0 && a.status < http.StatusInternalServerError
}

// Status asks which server this is. It needs no sign-in.
func (c *Client) Status(ctx context.Context) (Status, error) {
	a, err := c.ask(ctx, call{op: opStatus, method: http.MethodGet, path: "status"})
	if err != nil {
		return Status{}, err
	}
	s, _ := decodeStatus(a.body)
	s.Meta = a.meta()
	return s, nil
}

// Login signs in with a password and asks for both tokens in the body.
//
// It asks /status first. It sends no password to another program, to a server
// that was never set up, or to one whose password login is switched off: their
// 401 or 500 would be taken for something else. An Error from that step has Unwritten set.
func (c *Client) Login(ctx context.Context, user string, password redact.Secret) (Answer, error) {
	return c.login(ctx, opLogin, user, password)
}

// LoginLegacy is Login on a server older than 2.26: its Answer has the legacy
// token and no pair.
func (c *Client) LoginLegacy(ctx context.Context, user string, password redact.Secret) (Answer, error) {
	return c.login(ctx, opLoginLegacy, user, password)
}

func (c *Client) login(ctx context.Context, o op, user string, password redact.Secret) (Answer, error) {
	body, failure := jsonOf(opLogin, struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}{user, password.Reveal()}, user, password.Reveal())
	if failure != nil {
		return Answer{}, failure
	}
	status, err := c.Status(ctx)
	if err != nil {
		return Answer{}, asLogin(err)
	}
	if v, why := status.refusesPassword(); v != Accepted {
		return Answer{}, &Error{Op: opLogin.String(), Verdict: v, Evidence: why, Unwritten: true, Meta: status.Meta}
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	// Exactly "true": "1" makes ABS answer with a cookie instead (abs: server/Auth.js).
	header.Set("X-Return-Tokens", "true")
	return c.session(ctx, call{op: o, method: http.MethodPost, path: "login", header: header, body: body})
}

// jsonOf returns v as JSON. JSON would replace bytes that are not UTF-8 without a
// word, and the server would refuse a name or password that was given rightly.
func jsonOf(o op, v any, texts ...string) ([]byte, *Error) {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return nil, &Error{Op: o.String(), Verdict: BadRequest, Evidence: "the name or password is not valid UTF-8", Unwritten: true}
		}
	}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the callers' values are structs of strings
	}
	return body, nil
}

// Refresh rotates: it trades a refresh token for a new pair. The old token is
// spent as soon as the server has read the request, whether or not the answer
// arrives; only Error.Unwritten says that it surely is not.
func (c *Client) Refresh(ctx context.Context, refresh redact.Secret) (Answer, error) {
	return c.session(ctx, call{op: opRefresh, method: http.MethodPost, path: "auth/refresh", header: refreshHeader(refresh)})
}

// RefreshAlsoByCookie is Refresh where a gateway takes the header out: the token
// travels in the server's own cookie as well. The server reads the cookie only
// where no header comes, and its new token then comes in a cookie, too.
func (c *Client) RefreshAlsoByCookie(ctx context.Context, refresh redact.Secret) (Answer, error) {
	return c.session(ctx, call{op: opRefresh, method: http.MethodPost, path: "auth/refresh", header: withCookie(refresh)})
}

// NoToken stands where a refresh token would, in a question that must not spend one:
// the server knows it for none.
const NoToken = "not-a-token"

// RefreshPasses asks whether renewals reach Audiobookshelf and their answers come
// back: it refuses what is no token in its own words. No token is sent, and none is
// spent. It counts in the server's limiter.
func (c *Client) RefreshPasses(ctx context.Context) error {
	_, err := c.Refresh(ctx, redact.New(NoToken))
	switch VerdictOf(err) {
	case Accepted, RefreshInvalid, RefreshExpired:
		return nil
	}
	return err
}

// Logout ends the session of this refresh token, which must be the current
// one: ABS answers 200 for any other and ends nothing. Success therefore says
// that ABS answered, not that a session ended. The token travels in the header and in
// the server's own cookie, since a gateway may take out either.
func (c *Client) Logout(ctx context.Context, refresh redact.Secret) (Meta, error) {
	a, err := c.ask(ctx, call{op: opLogout, method: http.MethodPost, path: "logout", header: withCookie(refresh)})
	return a.meta(), err
}

// ErrUnheard is what takes a refresh token out of requests in both ways in which it
// travels, so that the server heard of none at a sign-out.
var ErrUnheard = errors.New("something between here and the server removes the x-refresh-token header and the cookie, so that the " +
	"server did not see which session to end")

// TokenHeard reports whether the server can see a refresh token that travels in both ways,
// as Logout and RefreshAlsoByCookie send it. It asks with what is no token: the answers to
// Logout are all alike. It counts in the server's limiter. No answer is no proof.
func (c *Client) TokenHeard(ctx context.Context) bool {
	_, err := c.RefreshAlsoByCookie(ctx, redact.New(NoToken))
	return VerdictOf(err) != HeaderEaten
}

// Passes asks whether requests of players reach Audiobookshelf: without a token it
// refuses them in its own words. No token is sent.
func (c *Client) Passes(ctx context.Context) error {
	a := c.exchange(ctx, call{op: opMe, method: http.MethodGet, path: "api/me"})
	v, evidence := classify(opMe, a)
	if v == TokenRejected || v == Accepted {
		return nil
	}
	return a.failure(opMe, v, evidence)
}

// Me asks whom a bearer (access token, API key, legacy token) belongs to.
func (c *Client) Me(ctx context.Context, bearer redact.Secret) (Me, error) {
	header := http.Header{}
	header.Set("Authorization", "Bearer "+bearer.Reveal())
	a, err := c.ask(ctx, call{op: opMe, method: http.MethodGet, path: "api/me", header: header})
	if err != nil {
		return Me{}, err
	}
	me, _ := decodeMe(a.body)
	me.Meta = a.meta()
	return me, nil
}

func (c *Client) session(ctx context.Context, q call) (Answer, error) {
	a, err := c.ask(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	answer, _, _ := decodeAnswer(q.op, a)
	answer.Meta = a.meta()
	return answer, nil
}

func (c *Client) ask(ctx context.Context, q call) (reply, error) {
	a := c.exchange(ctx, q)
	if v, evidence := classify(q.op, a); v != Accepted {
		failure := a.failure(q.op, v, evidence)
		if q.op.beginsSession() {
			failure.Leftover = leftover(a)
		}
		return a, failure
	}
	return a, nil
}

func refreshHeader(refresh redact.Secret) http.Header {
	header := http.Header{}
	header.Set("X-Refresh-Token", refresh.Reveal())
	return header
}

// withCookie is refreshHeader with the token in the server's own cookie as well.
func withCookie(refresh redact.Secret) http.Header {
	header := refreshHeader(refresh)
	header.Set("Cookie", "refresh_token="+refresh.Reveal())
	return header
}

// call is one request to be made.
type call struct {
	op           op
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
}

func (q call) request(ctx context.Context, base *url.URL) (*http.Request, error) {
	var r *http.Request
	var err error
	target := base.JoinPath(q.path)
	target.RawQuery = q.query.Encode()
	if q.body == nil {
		r, err = http.NewRequestWithContext(ctx, q.method, target.String(), nil)
	} else {
		r, err = http.NewRequestWithContext(ctx, q.method, target.String(), bytes.NewReader(q.body))
	}
	if err != nil {
		return nil, err
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	r.Header.Set("Accept", "application/json")
	return r, nil
}
