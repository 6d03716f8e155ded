package proxy

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusal is an answer of our own. A person who meets it learns the cause and
// what to do about it.
type refusal struct {
	name   string
	status int
	cause  string
	remedy string

	words    string        // the body, where a player expects the server's own words
	location string        // of a redirect
	retry    time.Duration // 0: trying again is of no use
	passing  bool          // it may well be over within seconds
}

// retryAfter is what players are told where nothing better is known.
const retryAfter = 5 * time.Second

// maxRetryAfter bounds what a gateway can make us tell players.
const maxRetryAfter = time.Hour

func (no *refusal) text() string { return no.cause + "; " + no.remedy }

// because returns no with a detail after the cause.
func (no refusal) because(detail string) *refusal {
	no.cause += " (" + oneLine(detail) + ")"
	return &no
}

// later returns no with the time that the server's own Retry-After asks for.
func (no *refusal) later(h http.Header) *refusal {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err == nil && time.Duration(n)*time.Second > no.retry {
		own := *no
		own.retry = min(time.Duration(n)*time.Second, maxRetryAfter)
		return &own
	}
	return no
}

// oneLine makes s fit for a header and a line of text.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}

// All answers of our own. The fields: name, status, cause, remedy.
var (
	farAway       = &refusal{name: "far-away", status: http.StatusForbidden, cause: "this port serves programs on this machine only", remedy: "run the player on the machine that runs shelfkeeper"}
	badTarget     = &refusal{name: "bad-target", status: http.StatusBadRequest, cause: "the request does not name a path of this server", remedy: "use this address as a server, not as an HTTP proxy"}
	badMethod     = &refusal{name: "bad-method", status: http.StatusMethodNotAllowed, cause: "this method is never forwarded", remedy: "use GET, HEAD, POST, PATCH, PUT, DELETE or OPTIONS"}
	badPath       = &refusal{name: "bad-path", status: http.StatusBadRequest, cause: "the path could be read in two ways", remedy: "send it without empty or dotted segments and without escaped slashes, dots, percent signs or control characters"}
	wrongHost     = &refusal{name: "wrong-host", status: http.StatusMisdirectedRequest, cause: "the Host header does not name this server", remedy: "use the address http://127.0.0.1 with this server's port"}
	otherOrigin   = &refusal{name: "other-origin", status: http.StatusForbidden, cause: "a page of another origin asked for this", remedy: "open this server's own address in the browser"}
	toNumeric     = &refusal{name: "to-127.0.0.1", status: http.StatusTemporaryRedirect, cause: "pages are served at 127.0.0.1 only, apart from the other programs on localhost", remedy: "follow the redirect"}
	noUpgrade     = &refusal{name: "no-upgrade", status: http.StatusNotImplemented, cause: "only the live socket at /socket.io/ may change to another protocol", remedy: "ask in plain HTTP/1.1"}
	noSocketPath  = &refusal{name: "no-socket-path", status: http.StatusNotFound, cause: "the live socket has one path, /socket.io/ with the slash", remedy: "set the path of the player's Socket.IO to /socket.io/"}
	noSocket      = &refusal{name: "no-socket", status: http.StatusNotImplemented, cause: "live sockets do not go through this server", remedy: "switch live updates off in the player; everything else works without them"}
	tooMany       = &refusal{name: "too-many-tries", status: http.StatusTooManyRequests, cause: "the password was wrong too often", remedy: "wait as Retry-After says, or sign in with a grant, which never waits"}
	badRefresh    = &refusal{name: "bad-refresh-token", status: http.StatusUnauthorized, cause: "what the player presents is no refresh token of a living grant", remedy: "sign in again with a grant's secret as the password"}
	slowBody      = &refusal{name: "slow-body", status: http.StatusRequestTimeout, cause: "the request's body did not arrive", remedy: "send it at once"}
	tooLarge      = &refusal{name: "too-large", status: http.StatusRequestEntityTooLarge, cause: "the body is many times larger than this request needs", remedy: "send what the server's API asks for"}
	notKept       = &refusal{name: "not-kept", status: http.StatusServiceUnavailable, retry: retryAfter, cause: "the change could not be written to disk", remedy: "make room on the disk that holds shelfkeeper's state"}
	noOpenID      = &refusal{name: "no-openid", status: http.StatusNotImplemented, cause: "nobody signs in at an identity provider through this server: shelfkeeper holds the session", remedy: "sign in with a grant's secret as the password, or run `shelfkeeper open`"}
	noPassword    = &refusal{name: "no-password-change", status: http.StatusNotImplemented, cause: "this account's password cannot be changed through this server", remedy: "change it on the Audiobookshelf server itself, then run `shelfkeeper login` again"}
	notChanged    = &refusal{name: "not-changed", status: http.StatusServiceUnavailable, retry: retryAfter, cause: "the server has not said that the password is changed", remedy: "look at `shelfkeeper status`, then try again"}
	ownSession    = &refusal{name: "own-session", status: http.StatusForbidden, cause: "this may be the session that shelfkeeper holds for every player", remedy: "run `shelfkeeper logout` to end it, or end others on the Audiobookshelf server itself"}
	openedAlready = &refusal{name: "opened-already", status: http.StatusGone, cause: "this address has been opened already, or its 30 seconds are over", remedy: "run `shelfkeeper open` again, or use the tray"}
	extraGrant    = &refusal{name: "extra-needs-grant", status: http.StatusUnauthorized, cause: "through this address every program needs a grant", remedy: "make one with `shelfkeeper players add NAME` and give it to the player as its password or API key"}
	noSignIn      = &refusal{name: "no-sign-in", status: http.StatusNotImplemented, cause: "this way of signing in does not go through this server, and needs not: shelfkeeper holds the session", remedy: "let the player use this address without signing in, or give it a grant as its password or API key"}

	badGrant    = &refusal{name: "bad-grant", status: http.StatusUnauthorized, words: "Unauthorized", cause: "what the player presents is no valid grant", remedy: "give it the current grant, or nothing at all if it runs as the same user"}
	needsGrant  = &refusal{name: "needs-grant", status: http.StatusUnauthorized, cause: "without a grant only programs of the user who runs shelfkeeper are served, and this one is not known to be", remedy: "make a grant with `shelfkeeper players add NAME` and give it to the player as its password or API key"}
	grantOnly   = &refusal{name: "grant-only", status: http.StatusUnauthorized, cause: "local_access = \"grant\" asks every program for a grant", remedy: "make a grant with `shelfkeeper players add NAME` and give it to the player as its password or API key"}
	noKey       = &refusal{name: "no-key", status: http.StatusServiceUnavailable, retry: retryAfter, cause: "whose token this is cannot be told at the moment", remedy: "unlock the keychain, or let the player present its grant's secret instead"}
	beyondScope = &refusal{name: "not-in-scope", status: http.StatusForbidden, cause: "this is beyond what the player may do", remedy: "give it a grant of a wider scope (`shelfkeeper players add NAME --scope full` or `admin`), or do it on the Audiobookshelf server itself"}

	weather       = &refusal{name: "weather", status: http.StatusServiceUnavailable, retry: retryAfter, passing: true, cause: "the Audiobookshelf server cannot be reached at the moment", remedy: "try again shortly"}
	noToken       = &refusal{name: "no-token", status: http.StatusServiceUnavailable, retry: retryAfter, cause: "there is no valid session with the Audiobookshelf server at the moment", remedy: "try again shortly, or look at `shelfkeeper status`"}
	tokenRejected = &refusal{name: "token-rejected", status: http.StatusServiceUnavailable, retry: 30 * time.Second, cause: "the Audiobookshelf server refuses this even with a fresh token", remedy: "try again later, or look at `shelfkeeper status`"}
	askAgain      = &refusal{name: "ask-again", status: http.StatusServiceUnavailable, retry: time.Second, cause: "the session was renewed while this request was under way, and it is too large to be sent twice", remedy: "send the request again"}
	gateway401    = &refusal{name: "gateway-401", status: http.StatusServiceUnavailable, retry: 30 * time.Second, cause: "something between here and Audiobookshelf asks for a sign-in of its own", remedy: "sign in to that network or gateway, or set its headers in config.toml"}
	elsewhere     = &refusal{name: "elsewhere", status: http.StatusServiceUnavailable, retry: 30 * time.Second, cause: "the answer was a redirect away from the Audiobookshelf server", remedy: "sign in to that network or gateway, or correct the server's address"}
	unreadable    = &refusal{name: "unreadable", status: http.StatusBadGateway, cause: "the answer is encoded in a way that cannot be searched for tokens", remedy: "switch compression off between here and the Audiobookshelf server"}
)

// count counts an answer of our own.
func (s *Server) count(no *refusal) {
	s.stats.mu.Lock()
	s.stats.refused[no.name]++
	s.stats.mu.Unlock()
	if no.status == http.StatusUnauthorized {
		s.stats.unauthorized.Add(1)
	}
}

// refuse answers the player with no.
func (s *Server) refuse(w http.ResponseWriter, c *call, no *refusal) {
	s.count(no)
	s.log.LogAttrs(c.r.Context(), slog.LevelDebug, "request refused",
		slog.String("reason", no.name), slog.String("method", oneLine(c.r.Method)), slog.Int("status", no.status))

	h := w.Header()
	h.Set("Shelfkeeper-Reason", no.text())
	h.Set("Cache-Control", "no-store")
	if no.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(no.retry.Seconds()))))
	}
	if no.location != "" {
		h.Set("Location", no.location)
	}
	body := no.words
	if body == "" {
		body = fmt.Sprintf("shelfkeeper: %s\n", no.text())
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	} else {
		h["Content-Type"] = nil // the server's own words come without one
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(no.status)
	if c.r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // the player may be gone
	}
}
