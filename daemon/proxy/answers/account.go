package answers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"shelfkeeper/daemon/redact"

	"shelfkeeper/daemon/proxy/refusal"
)

// Rejected is what an error of Account.ChangePassword may be, to tell a player
// in the server's own words what is wrong with what it asked for.
type Rejected interface {
	error
	Rejection() string
}

// changePassword answers PATCH /api/me/password. The server ends the user's
// sessions with it, ours among them (abs: 2.36.0), so the session itself does
// it and keeps what comes back.
func (s *Local) changePassword(w http.ResponseWriter, c *Request) *refusal.Refusal {
	if s.cfg.Account.ChangePassword == nil {
		return refusal.NoPassword
	}
	fields, err := fieldsOf(w, c.Request)
	if err != nil || fields == nil {
		answerText(w, http.StatusBadRequest, "Missing or invalid password or new password")
		return nil
	}
	old, hasOld := fields["password"]
	next, hasNext := fields["newPassword"]
	if !hasOld || !hasNext {
		answerText(w, http.StatusBadRequest, "Missing or invalid password or new password")
		return nil
	}
	if old == "" { // it would stand for the stored one
		answerText(w, http.StatusBadRequest, "Invalid password")
		return nil
	}
	err = s.cfg.Account.ChangePassword(c.Context(), redact.New(old), redact.New(next))
	var rejected Rejected
	switch {
	case errors.As(err, &rejected):
		answerText(w, http.StatusBadRequest, refusal.OneLine(rejected.Rejection()))
	case err != nil:
		return refusal.NotChanged.Because(redact.Text(err.Error()))
	default:
		answerText(w, http.StatusOK, "OK")
	}
	return nil
}

// ownSessions are the headers by which the server tells each of our sessions
// from the user's others.
func (s *Local) ownSessions() (headers []http.Header) {
	if s.cfg.Account.Refresh == nil {
		return nil
	}
	for _, token := range s.cfg.Account.Refresh() {
		headers = append(headers, http.Header{"X-Refresh-Token": {token.Reveal()}})
	}
	return headers
}

// listSessions answers GET /api/me/sessions (abs: 2.36.0). The session marked
// as the current one is ours.
func (s *Local) listSessions(w http.ResponseWriter, c *Request) *refusal.Refusal {
	var header http.Header
	if own := s.ownSessions(); len(own) > 0 {
		header = own[0]
	}
	c.Forward(w, header)
	return nil
}

const (
	// sessionPages of sessionPage are looked through for our own session. Who
	// has more sessions than that does not find out which is ours.
	sessionPages = 20
	sessionPage  = 100
	// maxSessionList is room for a page of sessions with the longest user
	// agents.
	maxSessionList = 4 << 20
)

// endSession answers DELETE /api/me/sessions/:id: of any session but ours. When
// it cannot be told which those are, none is ended.
func (s *Local) endSession(w http.ResponseWriter, c *Request) *refusal.Refusal {
	id := c.Path[strings.LastIndex(strings.TrimSuffix(c.Path, "/"), "/")+1:]
	id = strings.TrimSuffix(id, "/")
	for _, header := range s.ownSessions() {
		own, no := s.ownSessionID(c, header)
		switch {
		case no != nil:
			return no
		case strings.EqualFold(own, id):
			return refusal.OwnSession
		}
	}
	c.Forward(w, nil)
	return nil
}

// ownSessionID returns the id that the server knows our session by.
func (s *Local) ownSessionID(c *Request, header http.Header) (string, *refusal.Refusal) {
	for page := range sessionPages {
		var list struct {
			NumPages int `json:"numPages"`
			Sessions []struct {
				ID      string `json:"id"`
				Current bool   `json:"current"`
			} `json:"sessions"`
		}
		status, raw, no := s.cfg.Ask(c.Context(), Question{
			Method: http.MethodGet, Path: "/api/me/sessions", Query: fmt.Sprintf("page=%d&itemsPerPage=%d", page, sessionPage),
			WithToken: true, Header: header, Limit: maxSessionList,
		})
		if no != nil {
			return "", no
		}
		if status != http.StatusOK || json.Unmarshal(raw, &list) != nil {
			return "", unexpected(status)
		}
		for _, one := range list.Sessions {
			if one.Current {
				return one.ID, nil
			}
		}
		if page+1 >= list.NumPages {
			return "", nil // that session is over, which is found out elsewhere
		}
	}
	return "", refusal.OwnSession
}
