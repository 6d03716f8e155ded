package livesocket

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"shelfkeeper/daemon/redact"
)

const (
	// meWait bounds one reading of the user.
	meWait = 10 * time.Second
	// userMost bounds the user object: 300 bytes for each of 50,000 books.
	userMost = 16 << 20
)

// reader reads the account's user. Several players at one time share an answer.
type reader struct {
	cfg    *Config
	flight singleflight.Group
}

func (r *reader) read(ctx context.Context) (user, error) {
	got, err, _ := r.flight.Do("me", func() (any, error) {
		raw, err := r.get(ctx, "/api/me")
		if err != nil {
			return user{}, err
		}
		u, _, err := userOf(raw)
		if err != nil {
			return user{}, err
		}
		u.sessions = r.sessions(ctx)
		return u, nil
	})
	u, _ := got.(user)
	u.progress = maps.Clone(u.progress) // each player goes on with its own
	return u, err
}

// sessions returns the newest playback session of each item, so that players know
// which one has moved the progress. After a failure it returns none.
func (r *reader) sessions(ctx context.Context) map[string]string {
	newest := map[string]string{}
	raw, err := r.get(ctx, "/api/me/listening-sessions?itemsPerPage=10")
	var page struct {
		Sessions []struct{ ID, LibraryItemID, EpisodeID string }
	}
	if err != nil || json.Unmarshal(raw, &page) != nil {
		return newest
	}
	for _, one := range page.Sessions { // newest first
		key := one.LibraryItemID + " " + one.EpisodeID
		if newest[key] == "" {
			newest[key] = one.ID
		}
	}
	return newest
}

// get requests JSON from the server.
func (r *reader) get(ctx context.Context, path string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, meWait)
	defer cancel()
	token, err := r.cfg.Token(ctx)
	if err != nil {
		return nil, err
	}
	address := strings.TrimRight(r.cfg.Base.String(), "/") + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := r.cfg.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, userMost))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK || !json.Valid(body):
		return nil, errors.New("it answered " + redact.Text(resp.Status))
	}
	return body, nil
}
