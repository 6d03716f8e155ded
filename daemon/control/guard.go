package control

import (
	"log/slog"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"

	"shelfkeeper/daemon/problem"
)

// refusal is the reason for refusing a request.
type refusal struct {
	status int
	reason string           // for the log, without any text of the request
	answer *problem.Problem // nil means a problem with reason
}

// guarded passes a request to next unless refuse objects.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set(versionHeader, strconv.Itoa(version))
		h.Set("Cache-Control", "no-store") // an answer may hold a grant
		h.Set("X-Content-Type-Options", "nosniff")
		who, _ := r.Context().Value(peerKey{}).(peer)
		if no := refuse(who, r); no != nil {
			s.log.LogAttrs(r.Context(), slog.LevelWarn, "control request refused",
				slog.String("reason", no.reason), slog.Any("uid", who))
			if no.answer == nil {
				no.answer = problem.Newf(problem.Other, "", "the daemon refused the request: %s", no.reason)
			}
			reply(w, no.status, no.answer)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse returns the first objection to a request, or nil. A browser cannot open a
// unix socket. But the user may start a relay to it (ssh -L, socat, a container's
// port mapping), and every web page reaches the relay. The guards against browsers
// and proxies are for that case.
func refuse(who peer, r *http.Request) *refusal {
	h := r.Header
	switch {
	case !who.isSelf(): // another user's process, where the directory's mode was loosened or the descriptor passed on
		return &refusal{http.StatusForbidden, "another user's process", nil}
	case r.Host != hostName: // DNS rebinding: a page whose own name points at the relay sends that name
		return &refusal{http.StatusForbidden, "not addressed to the control socket", nil}
	case r.URL.Host != "" || r.Method == http.MethodConnect: // a relay used as a forward proxy
		return &refusal{http.StatusForbidden, "a proxy request", nil}
	case len(h["Origin"]) > 0: // cross-site write or fetch; "null" from sandboxed frames and files too
		return &refusal{http.StatusForbidden, "a web page's request (Origin)", nil}
	case len(h["Referer"]) > 0: // cross-site image, script, link, form
		return &refusal{http.StatusForbidden, "a web page's request (Referer)", nil}
	case hasPrefixed(h, "Sec-"): // any browser request at all (Sec-Fetch-*), a page's websocket (Sec-WebSocket-*)
		return &refusal{http.StatusForbidden, "a browser's request (Sec-*)", nil}
	case hasPrefixed(h, "Access-Control-"): // preflight: asking whether a page may set our header
		return &refusal{http.StatusForbidden, "a web page's preflight", nil}
	case len(h["Cookie"]) > 0: // a browser with cookies of the relay's host, which ignore ports
		return &refusal{http.StatusForbidden, "a browser's request (Cookie)", nil}
	case strings.HasPrefix(h.Get("User-Agent"), "Mozilla/"): // a followed link in a browser too old for Sec-Fetch-*
		return &refusal{http.StatusForbidden, "a browser's request (User-Agent)", nil}
	case isForwarded(h): // a reverse proxy put in front: its callers are not this user
		return &refusal{http.StatusForbidden, "passed on by a proxy", nil}
	}
	// A page cannot set this header without a preflight, which is refused above.
	if no := checkVersion(h.Values(versionHeader)); no != nil {
		return no
	}
	if r.Method == http.MethodPost { // a form's or a "simple" fetch's post, which needs no preflight
		if t, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || t != jsonType {
			return &refusal{http.StatusUnsupportedMediaType, "a body that is not JSON", nil}
		}
	}
	return nil
}

// isForwarded reports whether a proxy has added one of its headers.
func isForwarded(h http.Header) bool {
	return len(h["Forwarded"]) > 0 || len(h["Via"]) > 0 || len(h["X-Real-Ip"]) > 0 || hasPrefixed(h, "X-Forwarded-")
}

func checkVersion(sent []string) *refusal {
	if len(sent) != 1 {
		return &refusal{http.StatusBadRequest, "without one " + versionHeader + " header", nil}
	}
	v, err := strconv.Atoi(sent[0])
	if err != nil || v < 1 {
		return &refusal{http.StatusBadRequest, "with a malformed " + versionHeader + " header", nil}
	}
	if v != version {
		return &refusal{http.StatusBadRequest, "a client of another version", mismatch(v, version, os.Getpid())}
	}
	return nil
}

// hasPrefixed reports whether a header's canonical name starts with prefix.
func hasPrefixed(h http.Header, prefix string) bool {
	for name := range h {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
