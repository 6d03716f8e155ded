package absapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"shelfkeeper/daemon/redact"
)

// ServerSession is a session as the server lists it to its user; see
// SupportsSessions.
type ServerSession struct {
	ID        string
	UserAgent string
	Updated   time.Time
	Current   bool // it is that of the refresh token the question came with
}

// SessionsListed is how many sessions are asked for.
const SessionsListed = 50

// Sessions lists the user's sessions that changed last, up to SessionsListed.
// One that was just renewed is among the first.
func (c *Client) Sessions(ctx context.Context, access, refresh redact.Secret) ([]ServerSession, error) {
	header := refreshHeader(refresh)
	header.Set("Authorization", "Bearer "+access.Reveal())
	a, err := c.ask(ctx, call{op: opSessions, method: http.MethodGet, path: "api/me/sessions",
		query: url.Values{"itemsPerPage": {strconv.Itoa(SessionsListed)}}, header: header})
	if err != nil {
		return nil, err
	}
	sessions, _ := decodeSessions(a.body)
	return sessions, nil
}

// EndSession removes one of the user's sessions by its id. One that is not
// there any more is a success.
func (c *Client) EndSession(ctx context.Context, access redact.Secret, id string) error {
	header := http.Header{}
	header.Set("Authorization", "Bearer "+access.Reveal())
	_, err := c.ask(ctx, call{op: opEndSession, method: http.MethodDelete, path: "api/me/sessions/" + url.PathEscape(id), header: header})
	return err
}

func decodeSessions(body []byte) ([]ServerSession, bool) {
	var list struct {
		Sessions *[]struct {
			ID        string `json:"id"`
			UserAgent string `json:"userAgent"`
			UpdatedAt int64  `json:"updatedAt"`
			Current   bool   `json:"current"`
		} `json:"sessions"`
	}
	if json.Unmarshal(body, &list) != nil || list.Sessions == nil {
		return nil, false
	}
	var out []ServerSession
	for _, s := range *list.Sessions {
		out = append(out, ServerSession{ID: s.ID, UserAgent: s.UserAgent, Updated: time.UnixMilli(s.UpdatedAt), Current: s.Current})
	}
	return out, true
}
