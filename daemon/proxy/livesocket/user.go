package livesocket

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/wsconn"
)

const (
	// userTries is how often it is read, in growing distance, until the next
	// connection makes it pointless.
	userTries = 4
	// userPause is the longest distance, where it is read until it is there.
	userPause = 30 * time.Second
)

// user is what a player knows of the account's user: enough to tell what has
// changed. The zero value knows nothing.
type user struct {
	raw      json.RawMessage // as the REST API says it, and the event user_updated too; nil when it was not read
	rest     [32]byte        // a hash of all but progress, tokens and the time last seen
	progress map[string]int64
	sessions map[string]string // the newest playback session of an item or episode
}

// entry is one mediaProgress.
type entry struct {
	ID         string `json:"id"`
	Item       string `json:"libraryItemId"`
	Episode    string `json:"episodeId"`
	LastUpdate int64  `json:"lastUpdate"`
	raw        json.RawMessage
}

// userOf reads a user object.
func userOf(raw json.RawMessage) (user, []entry, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || len(fields["id"]) == 0 {
		return user{}, nil, errors.Join(errors.New("no user object"), err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(fields["mediaProgress"], &list); err != nil {
		return user{}, nil, errors.New("no user object: its progress is missing")
	}
	u := user{raw: raw, progress: make(map[string]int64, len(list))}
	entries := make([]entry, 0, len(list))
	for _, one := range list {
		e := entry{raw: one}
		if json.Unmarshal(one, &e) == nil && e.ID != "" {
			u.progress[e.ID] = e.LastUpdate
			entries = append(entries, e)
		}
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch name {
		case "mediaProgress", "lastSeen", "token", "accessToken", "refreshToken", "isOldToken":
			continue
		}
		h.Write([]byte(name))
		h.Write(fields[name])
	}
	h.Sum(u.rest[:0])
	return u, entries, nil
}

// learn takes over what an event that passes tells of the user.
func (u *user) learn(e wsconn.Event) {
	switch e.Name {
	case "user_updated":
		var raw json.RawMessage
		if !e.First(&raw) {
			return
		}
		// An administrator hears of other users too.
		if now, _, err := userOf(raw); err == nil && (u.raw == nil || sameUser(u.raw, raw)) {
			now.sessions = u.sessions
			*u = now
		}
	case "user_item_progress_updated":
		var told struct{ Data entry }
		if e.First(&told) && told.Data.ID != "" && u.progress != nil {
			u.progress[told.Data.ID] = told.Data.LastUpdate
		}
	}
}

func sameUser(a, b json.RawMessage) bool {
	var x, y struct{ ID string }
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && x.ID == y.ID
}

// missed returns the events that lead from what is known to now. A user of
// whom nothing was known has missed nothing.
func (u user) missed(now user, entries []entry) (events []wsconn.Event) {
	if u.progress == nil {
		return nil
	}
	changed := u.rest != now.rest || len(u.progress) > len(now.progress)
	var moved []wsconn.Event
	for _, e := range entries {
		if was, known := u.progress[e.ID]; known && was >= e.LastUpdate {
			continue
		}
		changed = true
		moved = append(moved, eventOf("user_item_progress_updated", map[string]any{
			"id": e.ID, "sessionId": now.sessions[e.Item+" "+e.Episode], "deviceDescription": "", "data": e.raw,
		}))
	}
	if changed {
		events = append(events, eventOf("user_updated", now.raw))
	}
	return append(events, moved...)
}

func eventOf(name string, arg any) wsconn.Event {
	args, _ := json.Marshal([]any{arg}) // what was decoded before
	return wsconn.Event{Name: name, Args: args}
}

// readUser asks the REST API for the user, once at a time; the answer comes to
// makeUp.
func (b *bridge) readUser(ctx context.Context) {
	if b.reading {
		b.rereads = true // what is under way may have been answered already
		return
	}
	b.reading = true
	// No connection will come that makes this pointless, and nothing else
	// brings the player its init.
	insist := b.keyed && b.pending > 0
	b.s.running.Go(func() {
		u, err := user{}, error(nil)
		for try := 0; insist || try < userTries; try++ {
			if u, err = b.s.me.read(ctx); err == nil || !b.rest(ctx, min(time.Second<<min(try, 8), userPause)) {
				break
			}
		}
		if err != nil {
			b.log.DebugContext(ctx, "the user cannot be read for a live socket", "reason", err.Error())
		}
		select {
		case b.read <- u:
		case <-b.gone:
		}
	})
}

// rest waits, and reports whether the bridge lasted.
func (b *bridge) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-b.gone:
	case <-ctx.Done():
	}
	return false
}

// makeUp tells the player what it has missed of its own user. With an API key,
// for which there is no socket at the server, this is all there is to tell.
func (b *bridge) makeUp(ctx context.Context, now user) {
	if now.raw == nil {
		return
	}
	_, entries, err := userOf(now.raw)
	if err != nil {
		return
	}
	events := b.known.missed(now, entries)
	if b.known.progress == nil && b.gapped {
		events = []wsconn.Event{eventOf("user_updated", now.raw)} // of what was before nothing is known
	}
	b.known, b.gapped = now, false
	if (b.pending > 0 || len(events) > 0) && !b.s.cfg.Alive(b.caller) {
		b.end.Close(websocket.ClosePolicyViolation, errRevoked)
		return
	}
	if b.keyed && b.pending > 0 {
		var who struct{ ID, Username string }
		_ = json.Unmarshal(now.raw, &who) // it was read before
		b.pending, b.hasInit = 0, true
		b.send(ctx, eventOf("init", map[string]any{"userId": who.ID, "username": who.Username}))
	}
	if !b.hasInit {
		return
	}
	for _, e := range events {
		b.send(ctx, e)
	}
}

// progressRoutes are the writes of a player that move the user's own progress.
var progressRoutes = route.Parse(`
PATCH  /api/me/progress/batch/update
PATCH  /api/me/progress/:id
PATCH  /api/me/progress/:id/:episode
DELETE /api/me/progress/:id
POST   /api/me/sync-local-progress
POST   /api/me/item/:id/bookmark
PATCH  /api/me/item/:id/bookmark
DELETE /api/me/item/:id/bookmark/:time
POST   /api/session/:id/sync
POST   /api/session/:id/close
POST   /api/session/local
POST   /api/session/local-all
`)

// Wrote is told of the server's answer to a player's request. It tells the
// sockets of an account with an API key that a player has moved the progress:
// nobody else would.
func (s *Sockets) Wrote(method, path string, status int) {
	if status/100 != 2 || method == http.MethodGet || !progressRoutes.Matches(method, path) {
		return
	}
	s.me.flight.Forget("me")
	s.each(func(b *bridge) {
		if up := b.up.Load(); up != nil && up.Snapshot().Cause == wsconn.CauseAPIKey {
			poke(b.wrote)
		}
	})
}
