// Package answers holds the local server's own answers. Requests that would
// hand out or end the session never reach the Audiobookshelf server. Players
// sign in here, with a grant or a typed password, and get answers in the
// server's form.
package answers

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/redact"
)

// SignIns begins and ends what players take for a session with the server; see
// players.Identities for what each call promises.
type SignIns interface {
	SignIn(ctx context.Context, c players.Caller, name string) (players.Caller, players.Pair, error)
	Refresh(ctx context.Context, presented string) (players.Caller, players.Pair, error)
	Renew(ctx context.Context, access string) (players.Caller, players.Pair, error)
	SignOut(c players.Caller) error
}

// Account is what answers of our own need to know of the account. All of it
// may be left out: then nobody signs in here.
type Account struct {
	Name    string
	SignIns SignIns
	// Knows reports whether these are the account's user name and its stored
	// password, in time that does not depend on how nearly they are.
	Knows func(username, password string) bool
	// ChangePassword changes the user's password on the server and keeps the
	// session. Its errors are passed on as Unavailable where they are one.
	ChangePassword func(ctx context.Context, old, new redact.Secret) error
	// Refresh returns the refresh tokens by which the server tells our
	// sessions from the user's others, that of the session itself first.
	Refresh func() []redact.Secret
}

// Config is what Local works with. Account may be empty; all else is required.
type Config struct {
	Account Account
	// BasePath is the server's, under which its web client lives.
	BasePath string
	// TypedPassword allows the user's own programs to sign in with what the
	// user types at the server itself.
	TypedPassword bool
	// Token returns the token that a caller finds in its user object.
	Token func(context.Context, players.Caller) string
	// Caller returns who presents a credential; refusal.BadGrant for no good
	// one, another refusal when that cannot be told now.
	Caller func(ctx context.Context, presented string) (players.Caller, *refusal.Refusal)
	// Alive reports whether the caller's grant still holds.
	Alive func(players.Caller) bool
	// Ask asks the server. It returns the answer's status and its body, JSON
	// without a token in it.
	Ask func(context.Context, Question) (int, []byte, *refusal.Refusal)
	// Shelf is what the libraries hold; nil: no playlists are made.
	Shelf Shelf
	// Count counts a refusal that is given in the server's own words.
	Count func(*refusal.Refusal)
	// PageHost returns where browsers find this server.
	PageHost func() string
	Log      *slog.Logger
}

// Question is what the server is asked for a player's sake.
type Question struct {
	Method, Path, Query string
	WithToken           bool
	Header              http.Header // beside the usual
	Limit               int64       // of the answer's bytes
}

// Request is a player's request that is answered here.
type Request struct {
	*http.Request
	Path string // the route
	// Origin is by which scheme, host and port the player knows this server.
	Origin string
	Caller players.Caller // "" where the route asks for nobody
	Bearer string         // the one credential that it presents; "" for none, or for several
	Sender func() Sender
	// Proven is told that the body presents a living grant. Wrong is told that it
	// does not, and returns what is answered; nil: what the server answers.
	Proven func()
	Wrong  func(*refusal.Refusal) *refusal.Refusal
	// Forward sends it on to the server, with these headers beside the usual,
	// and the server's answer back.
	Forward func(w http.ResponseWriter, header http.Header)
}

// Sender is whose program sent a request, as far as the system tells.
type Sender int

// The senders.
const (
	Unknown Sender = iota // a program on this machine
	User                  // a program of the user who runs the daemon
	Other                 // anybody else
)

func (c *Request) fromUser() bool { return c.Sender() == User }

// Local is what answers.
type Local struct {
	cfg      Config
	tries    backoff
	openings openings
	known    known
	userType atomic.Pointer[string] // of the user at the server, once it is known
	kept     atomic.Pointer[[]byte] // the last answer to a sign-in, without tokens, packed
}

// New returns a Local.
func New(cfg Config) *Local { return &Local{cfg: cfg} }

// Route is a route that is answered here.
type Route struct {
	routes route.Set
	access access
	answer func(s *Local, w http.ResponseWriter, c *Request) *refusal.Refusal
}

// access says who may have an answer.
type access struct {
	anyone bool          // it carries its own credential, or tells nobody anything
	scope  players.Scope // else: what the caller must have
}

var anyone = access{anyone: true}

func scoped(scope players.Scope) access { return access{scope: scope} }

// Open reports whether a route asks for no caller: it carries its own
// credential, or tells nobody anything.
func (r *Route) Open() bool { return r.access.anyone }

// Allows reports whether a caller with that scope may have the answer.
func (r *Route) Allows(scope players.Scope) bool {
	return r.access.anyone || scope.Covers(r.access.scope)
}

// Answer answers c. It returns a refusal while nothing is written.
func (s *Local) Answer(r *Route, w http.ResponseWriter, c *Request) *refusal.Refusal {
	return r.answer(s, w, c)
}

// forwarded are the exceptions from table: they go to the server.
var forwarded = route.Parse(`
GET /ping
GET /healthcheck
GET /login
`)

// table holds Audiobookshelf's routes that would hand out or end the session
// itself (abs: server/Auth.js, server/routers/ApiRouter.js). The last line
// refuses what the lines above it leave over.
var table = []Route{
	{route.Parse(`POST /login`), anyone, (*Local).login},
	{route.Parse(`POST /auth/refresh`), anyone, (*Local).refreshTokens},
	{route.Parse(`POST /logout`), anyone, (*Local).logout},
	{route.Parse(`GET /status`), anyone, (*Local).status},
	{route.Parse(`GET /_shelfkeeper/open`), anyone, (*Local).openPage},
	{route.Parse("GET /_shelfkeeper/playlist/:file\nGET /_shelfkeeper/playlist/:id/:file"), scoped(players.ScopeListen),
		(*Local).playlistFile},
	{route.Parse(`GET /_shelfkeeper/podcast/:file`), scoped(players.ScopeListen), (*Local).podcastFeed},
	{route.Parse(`GET /_shelfkeeper/podcasts.opml`), scoped(players.ScopeListen), (*Local).podcastList},
	{route.Parse(`ANY /auth/openid/*`), anyone, (*Local).noOpenID},
	{route.Parse(`PATCH /api/me/password`), scoped(players.ScopeFull), (*Local).changePassword},
	{route.Parse(`GET /api/me/sessions`), scoped(players.ScopeListen), (*Local).listSessions},
	{route.Parse(`DELETE /api/me/sessions/:id`), scoped(players.ScopeFull), (*Local).endSession},
	{families, anyone, func(*Local, http.ResponseWriter, *Request) *refusal.Refusal { return refusal.NoSignIn }},
}

// families are refused but for what stands above.
var families = route.Parse(`
ANY /login/*
ANY /logout/*
ANY /auth/*
ANY /init/*
ANY /_shelfkeeper/*
ANY /api/me/password/*
ANY /api/me/sessions/*
`)

// For returns the route of a request that is answered here, nil for all others.
func For(method, path string) *Route {
	if forwarded.Matches(method, path) {
		return nil
	}
	for i := range table {
		if r := &table[i]; r.routes.Matches(method, path) {
			return r
		}
	}
	return nil
}

// answerJSON answers as the server answers with JSON.
func answerJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store") // it may hold a token
	w.WriteHeader(status)
	_, _ = w.Write(body) // the player may be gone
}

// answerError answers as the server's sign-in routes do.
func answerError(w http.ResponseWriter, status int, words string) {
	body, _ := json.Marshal(map[string]string{"error": words}) // strings always marshal
	answerJSON(w, status, body)
}

// answerText answers as Express does where a handler says nothing.
func answerText(w http.ResponseWriter, status int, words string) {
	w.Header()["Content-Type"] = nil
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(words)) // the player may be gone
}
