package absfake

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

type handler func(s *Server, w http.ResponseWriter, q *request)

// route is a line of the routing table. limited routes count in the auth
// limiter; since names the fact without which a release does not have it.
type routeLine struct {
	method, pattern string
	handle          handler
	limited         bool
	since           func(facts) bool
}

func sessionsAPI(f facts) bool { return f.sessionsAPI }
func jwtSessions(f facts) bool { return f.jwtSessions }

// routes are searched from the top, as Express does.
// abs: server/Server.js, server/Auth.js, server/routers
var routes = []routeLine{
	{method: "GET", pattern: "/ping", handle: (*Server).getPing},
	{method: "GET", pattern: "/healthcheck", handle: (*Server).getHealthcheck},
	{method: "GET", pattern: "/status", handle: (*Server).getStatus},
	{method: "POST", pattern: "/init", handle: (*Server).postInit},
	{method: "POST", pattern: "/login", handle: (*Server).postLogin, limited: true},
	{method: "POST", pattern: "/auth/refresh", handle: (*Server).postRefresh, limited: true, since: jwtSessions},
	{method: "POST", pattern: "/logout", handle: (*Server).postLogout},

	{method: "GET", pattern: "/hls/:id/:file", handle: (*Server).getHLS},
	{method: "GET", pattern: "/feed/:slug", handle: (*Server).getFeed},
	{method: "GET", pattern: "/feed/:slug/cover.jpg", handle: (*Server).getFeedCover},
	{method: "GET", pattern: "/feed/:slug/item/:episode/:file", handle: (*Server).getFeedItem},

	{method: "GET", pattern: "/auth/openid", handle: (*Server).getOpenID, limited: true},
	{method: "GET", pattern: "/auth/openid/mobile-redirect", handle: (*Server).getMobileRedirect, limited: true},
	{method: "GET", pattern: "/auth/openid/callback", handle: (*Server).getOpenIDCallback, limited: true},
	{method: "GET", pattern: "/auth/openid/config", handle: (*Server).getOpenIDConfig, limited: true},

	{method: "GET", pattern: "/public/session/:id/track/:index", handle: (*Server).getPublicTrack},

	{method: "POST", pattern: "/api/authorize", handle: (*Server).postAuthorize},
	{method: "GET", pattern: "/api/me", handle: (*Server).getMe},
	{method: "GET", pattern: "/api/me/sessions", handle: (*Server).getSessions, since: sessionsAPI},
	{method: "DELETE", pattern: "/api/me/sessions/:id", handle: (*Server).deleteSession, since: sessionsAPI},
	{method: "PATCH", pattern: "/api/me/password", handle: (*Server).patchPassword, limited: true},
	{method: "GET", pattern: "/api/me/listening-sessions", handle: (*Server).getListeningSessions},
	{method: "PATCH", pattern: "/api/me/progress/batch/update", handle: (*Server).patchProgressBatch},
	{method: "GET", pattern: "/api/me/progress/:id", handle: (*Server).getProgress},
	{method: "GET", pattern: "/api/me/progress/:id/:episode", handle: (*Server).getProgress},
	{method: "PATCH", pattern: "/api/me/progress/:id", handle: (*Server).patchProgress},
	{method: "PATCH", pattern: "/api/me/progress/:id/:episode", handle: (*Server).patchProgress},
	{method: "DELETE", pattern: "/api/me/progress/:id", handle: (*Server).deleteProgress},
	{method: "GET", pattern: "/api/me/items-in-progress", handle: (*Server).getInProgress},
	{method: "GET", pattern: "/api/me/bookmarks", handle: (*Server).getBookmarks, since: sessionsAPI},
	{method: "GET", pattern: "/api/me/bookmarks/:id", handle: (*Server).getBookmarks, since: sessionsAPI},
	{method: "POST", pattern: "/api/me/item/:id/bookmark", handle: (*Server).postBookmark},
	{method: "PATCH", pattern: "/api/me/item/:id/bookmark", handle: (*Server).patchBookmark},
	{method: "DELETE", pattern: "/api/me/item/:id/bookmark/:time", handle: (*Server).deleteBookmark},

	{method: "GET", pattern: "/api/users", handle: (*Server).getUsers},
	{method: "POST", pattern: "/api/users", handle: (*Server).postUser},
	{method: "GET", pattern: "/api/users/:id", handle: (*Server).getUser},
	{method: "PATCH", pattern: "/api/users/:id", handle: (*Server).patchUser},
	{method: "DELETE", pattern: "/api/users/:id", handle: (*Server).deleteUser},

	{method: "GET", pattern: "/api/feeds", handle: (*Server).getFeeds},
	{method: "POST", pattern: "/api/feeds/item/:id/open", handle: (*Server).postFeed},
	{method: "POST", pattern: "/api/feeds/:id/close", handle: (*Server).closeFeed},

	{method: "GET", pattern: "/api/auth-settings", handle: (*Server).getAuthSettings},
	{method: "PATCH", pattern: "/api/auth-settings", handle: (*Server).patchAuthSettings},

	{method: "GET", pattern: "/api/api-keys", handle: (*Server).getAPIKeys, since: jwtSessions},
	{method: "POST", pattern: "/api/api-keys", handle: (*Server).postAPIKey, since: jwtSessions},
	{method: "PATCH", pattern: "/api/api-keys/:id", handle: (*Server).patchAPIKey, since: jwtSessions},
	{method: "DELETE", pattern: "/api/api-keys/:id", handle: (*Server).deleteAPIKey, since: jwtSessions},

	{method: "GET", pattern: "/api/libraries", handle: (*Server).getLibraries},
	{method: "GET", pattern: "/api/libraries/:id", handle: (*Server).getLibrary},
	{method: "GET", pattern: "/api/libraries/:id/items", handle: (*Server).getLibraryItems},
	{method: "GET", pattern: "/api/libraries/:id/personalized", handle: ofLibrary((*Server).personalized)},
	{method: "GET", pattern: "/api/libraries/:id/stats", handle: ofLibrary((*Server).libraryStats)},
	{method: "GET", pattern: "/api/libraries/:id/series", handle: ofLibrary(emptyPage(sortable...))},
	{method: "GET", pattern: "/api/libraries/:id/collections", handle: ofLibrary(emptyPage(sortable...))},
	{method: "GET", pattern: "/api/libraries/:id/playlists", handle: ofLibrary(emptyPage())},
	{method: "GET", pattern: "/api/libraries/:id/authors", handle: ofLibrary((*Server).libraryAuthors)},
	{method: "GET", pattern: "/api/libraries/:id/narrators", handle: always(object{{"narrators", none()}})},
	{method: "GET", pattern: "/api/libraries/:id/filterdata", handle: ofLibrary((*Server).filterData)},
	{method: "GET", pattern: "/api/authors/:id", handle: (*Server).getAuthor},
	{method: "GET", pattern: "/api/collections", handle: always(object{{"collections", none()}})},
	{method: "GET", pattern: "/api/playlists", handle: always(object{{"playlists", none()}})},
	{method: "GET", pattern: "/api/me/listening-stats", handle: (*Server).getListeningStats},
	{method: "GET", pattern: "/api/me/stats/year/:year", handle: (*Server).getYearStats},
	{method: "GET", pattern: "/api/search/:what", handle: (*Server).getSearchOutside},
	{method: "GET", pattern: "/api/genres", handle: forAdmins(object{{"genres", none()}})},
	{method: "GET", pattern: "/api/tags", handle: forAdmins(object{{"tags", none()}})},
	{method: "GET", pattern: "/api/libraries/:id/search", handle: (*Server).getLibrarySearch},

	{method: "GET", pattern: "/api/libraries/:id/recent-episodes", handle: (*Server).getRecentEpisodes},
	{method: "GET", pattern: "/api/podcasts/:id/episode/:episode", handle: (*Server).getEpisode},

	{method: "GET", pattern: "/api/items/:id", handle: (*Server).getItem},
	{method: "POST", pattern: "/api/items/batch/get", handle: (*Server).postItems},
	{method: "GET", pattern: "/api/items/:id/cover", handle: (*Server).getCover},
	{method: "POST", pattern: "/api/items/:id/cover", handle: (*Server).postCover},
	{method: "GET", pattern: "/api/items/:id/download", handle: (*Server).getItemDownload},
	{method: "POST", pattern: "/api/items/:id/play", handle: (*Server).postPlay},
	{method: "POST", pattern: "/api/items/:id/play/:episode", handle: (*Server).postPlayEpisode},
	{method: "GET", pattern: "/api/items/:id/file/:ino", handle: (*Server).getFile},
	{method: "GET", pattern: "/api/items/:id/file/:ino/download", handle: (*Server).getDownload},

	{method: "POST", pattern: "/api/session/local", handle: (*Server).postLocal},
	{method: "POST", pattern: "/api/session/local-all", handle: (*Server).postLocalAll},
	{method: "GET", pattern: "/api/session/:id", handle: (*Server).getPlayback},
	{method: "POST", pattern: "/api/session/:id/sync", handle: (*Server).postSync},
	{method: "POST", pattern: "/api/session/:id/close", handle: (*Server).postClose},
}

// route authorises what lies under /api, then finds the route.
func (s *Server) route(w http.ResponseWriter, q *request) {
	segments := split(q.path)
	if len(segments) > 0 && strings.EqualFold(segments[0], "api") && !coverWithoutToken(q) {
		if !s.authorise(q) {
			bare(w, q.Request, http.StatusUnauthorized)
			return
		}
	}
	for _, line := range routes {
		if line.method != q.Method && (line.method != http.MethodGet || q.Method != http.MethodHead) {
			continue
		}
		if line.since != nil && !line.since(s.facts) {
			continue
		}
		params, ok := match(line.pattern, segments)
		if !ok {
			continue
		}
		q.params = params
		if line.limited && !s.admit(w, q) {
			return
		}
		line.handle(s, w, q)
		return
	}
	switch {
	case s.web(w, q):
	case s.realHas(q.Method, segments):
		s.notKnown(w, q)
	default:
		notFound(w, q.Request)
	}
}

// coverWithoutToken is the one exemption under /api. It is for GET only and,
// unlike every route, minds case and a trailing slash.
// abs: server/Auth.js, ignorePatterns
func coverWithoutToken(q *request) bool {
	rest, ok := strings.CutPrefix(q.path, "/api/items/")
	if !ok || q.Method != http.MethodGet {
		return false
	}
	id, cover, ok := strings.Cut(rest, "/")
	return ok && id != "" && cover == "cover"
}

// split gives the segments of a path, without one trailing slash.
func split(path string) []string {
	path = strings.TrimPrefix(path, "/")
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// match compares without minding case.
func match(pattern string, segments []string) (params map[string]string, ok bool) {
	parts := split(pattern)
	if len(parts) != len(segments) {
		return nil, false
	}
	params = map[string]string{}
	for i, part := range parts {
		if name, isParam := strings.CutPrefix(part, ":"); isParam {
			if segments[i] == "" {
				return nil, false
			}
			params[name] = segments[i]
			continue
		}
		if !strings.EqualFold(part, segments[i]) {
			return nil, false
		}
	}
	return params, true
}

// authorise finds the user of the bearer token or of ?token=; a bearer token
// beats the query even when it is bad. abs: server/auth/TokenManager.js
func (s *Server) authorise(q *request) bool {
	token := bearer(q.Request)
	if token == "" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := parseToken(s.secret, token)
	if c.Type == TokenAPI && s.facts.jwtSessions && (err == nil || errors.Is(err, errTokenExpired)) {
		q.user = s.keyUserLocked(c.KeyID)
		return q.user != nil
	}
	if err != nil || c.UserID == "" {
		return false
	}
	if c.Type == TokenRefresh && !s.facts.refreshAsBearer {
		return false
	}
	u := s.userByIDLocked(c.UserID)
	if u == nil || !u.active {
		return false
	}
	u.oldToken = c.ExpiresAt == 0 && s.facts.jwtSessions
	q.user = u
	return true
}

// bearer is the token a request presents to the REST API, or "".
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	if ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	values, _ := url.ParseQuery(r.URL.RawQuery)
	return values.Get("token")
}
