package proxy

import (
	"context"
	"encoding/json"
	"net/http"

	"shelfkeeper/daemon/players"
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

// localRoute is a route that is answered here.
type localRoute struct {
	routes routes
	// needs is the scope that a caller must have; "" for those that carry
	// their own credential, or that tell nobody anything.
	needs  players.Scope
	answer func(s *Server, w http.ResponseWriter, c *call) *refusal
}

// localRoutes are Audiobookshelf's routes that would hand out or end the
// session itself (abs: server/Auth.js, server/routers/ApiRouter.js). What is
// not among the first lines of a family is refused by its last.
var localRoutes = []localRoute{
	{routesOf(`POST /login`), "", (*Server).login},
	{routesOf(`POST /auth/refresh`), "", (*Server).refreshTokens},
	{routesOf(`POST /logout`), "", (*Server).logout},
	{routesOf(`GET /status`), "", (*Server).status},
	{routesOf("GET /ping\nGET /healthcheck"), "", nil},
	{routesOf(`GET /_shelfkeeper/open`), "", (*Server).openPage},
	{routesOf(`ANY /auth/openid/*`), "", (*Server).noOpenID},
	{routesOf(`PATCH /api/me/password`), players.ScopeFull, (*Server).changePassword},
	{routesOf(`GET /api/me/sessions`), players.ScopeFull, (*Server).listSessions},
	{routesOf(`DELETE /api/me/sessions/:id`), players.ScopeFull, (*Server).endSession},
	{routesOf(`GET /login`), "", nil}, // the web client's page
	{routesOf("ANY /login/*\nANY /logout/*\nANY /auth/*\nANY /init/*\nANY /_shelfkeeper/*\nANY /api/me/password/*\nANY /api/me/sessions/*"), "",
		func(*Server, http.ResponseWriter, *call) *refusal { return noSignIn }},
}

// localFor returns the first route that fits; one without an answer is not
// answered here.
func localFor(c *call) *localRoute {
	for i := range localRoutes {
		if l := &localRoutes[i]; matches(l.routes, c.r.Method, c.path) {
			if l.answer == nil {
				return nil
			}
			return l
		}
	}
	return nil
}

// lobby are the routes that tell nobody anything, and that players ask before
// they have anything to present.
var lobby = routesOf(`
GET /ping
GET /healthcheck
`)

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
