package absfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// expressSession is what the server keeps behind a connect.sid cookie. It opens
// nothing under /api, but carries a sign-in through OpenID from its start to its
// callback. It is lost at a restart. Guarded by Server.mu.
type expressSession struct {
	flow *oidcFlow
}

// maxExpressSessions is the size of the real server's session store.
// abs: server/Server.js, new MemoryStore(86400000, 86400000, 1000)
const maxExpressSessions = 1000

// setExpressSession hands out a fresh connect.sid.
func (s *Server) setExpressSession(w http.ResponseWriter) *expressSession {
	id := strings.ReplaceAll(newUUID(), "-", "")
	s.mu.Lock()
	defer s.mu.Unlock()
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(id))
	value := "s:" + id + "." + base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
	if len(s.express) >= maxExpressSessions {
		clear(s.express)
	}
	e := &expressSession{}
	s.express[value] = e
	addCookie(w, "connect.sid="+url.QueryEscape(value)+"; Path=/; HttpOnly")
	return e
}

// expressSession is the session of the request's cookie, nil where there is none
// of this life of the process.
func (q *request) expressSession() *expressSession {
	value := q.cookie("connect.sid")
	if value == "" {
		return nil
	}
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	return q.s.express[value]
}

// knownToExpressSession tells whether the request carries a connect.sid of this
// life of the process.
func knownToExpressSession(r *http.Request) bool {
	q, ok := r.Context().Value(requestKey{}).(*request)
	return ok && q.expressSession() != nil
}
