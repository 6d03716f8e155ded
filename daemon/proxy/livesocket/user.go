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
	// userTries is how often a failed reading of the user is repeated, with growing
	// pauses. The next connection starts a new reading anyway.
	userTries = 4
	// userPause is the longest pause.
	userPause = 30 * time.Second
	// maxMoved bounds the events about single items after a gap. After a longer gap
	// user_updated alone has to do, which holds the whole progress.
	maxMoved = 256
)

// user is the account's user as a player knows it: enough to find changes. The zero
// value knows nothing.
type user struct {
	id       string
	raw      json.RawMessage // the object of the REST API; nil when it was not read, or is not needed any more
	others   [32]byte        // a hash of all fields but progress, tokens and the time last seen
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
	u := user{id: string(fields["id"]), raw: raw, progress: make(map[string]int64, len(list))}
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
	h.Sum(u.others[:0])
	return u, entries, nil
}

// learn updates the user by an event that the player gets.
func (u *user) learn(e wsconn.Event) {
	switch e.Name {
	case "user_updated":
		var raw json.RawMessage
		if !e.First(&raw) {
			return
		}
		// An administrator hears of other users too.
		if now, _, err := userOf(raw); err == nil && (u.id == "" || u.id == now.id) {
			now.sessions, now.raw = u.sessions, nil
			*u = now
		}
	case "user_item_progress_updated":
		var update struct{ Data entry }
		if e.First(&update) && update.Data.ID != "" && u.progress != nil {
			u.progress[update.Data.ID] = update.Data.LastUpdate
		}
	}
}

// missed returns the events that lead from u to now. They are none when u is not
// known.
func (u user) missed(now user, entries []entry) (events []wsconn.Event) {
	if u.progress == nil {
		return nil
	}
	changed := u.others != now.others || len(u.progress) > len(now.progress)
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
	if len(moved) > maxMoved {
		return events
	}
	return append(events, moved...)
}

func eventOf(name string, arg any) wsconn.Event {
	args, _ := json.Marshal([]any{arg}) // never fails: it was decoded before
	return wsconn.Event{Name: name, Args: args}
}

// readUser reads the user from the REST API, once at a time. makeUp gets the answer.
func (b *bridge) readUser(ctx context.Context) {
	if b.reading {
		b.rereads = true // the running request may have been answered already
		return
	}
	b.reading = true
	// With an API key nothing else brings the player its init.
	insist := b.keyed && b.initPending
	b.s.running.Go(func() {
		u, err := user{}, error(nil)
		for try := 0; insist || try < userTries; try++ {
			if u, err = b.s.me.read(ctx); err == nil || !b.sleep(ctx, min(time.Second<<min(try, 8), userPause)) {
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

// sleep waits for d. It reports false when the bridge ended.
func (b *bridge) sleep(ctx context.Context, d time.Duration) bool {
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

// makeUp sends the player the changes of its own user that it has missed. With an API
// key, for which there is no socket at the server, these are its only events.
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
		events = []wsconn.Event{eventOf("user_updated", now.raw)} // the state before is not known
	}
	b.known, b.gapped = now, false
	b.known.raw = nil
	if (b.initPending || len(events) > 0) && !b.alive() {
		b.end.Close(websocket.ClosePolicyViolation, errRevoked)
		return
	}
	if b.keyed && b.initPending {
		var who struct{ ID, Username string }
		_ = json.Unmarshal(now.raw, &who) // userOf has decoded it before
		b.initPending, b.hasInit = false, true
		b.send(ctx, eventOf("init", map[string]any{"userId": who.ID, "username": who.Username}))
	}
	if !b.hasInit {
		return
	}
	for _, e := range events {
		b.send(ctx, e)
	}
}

// progressRoutes are the requests of players that change the user's own progress.
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

// Wrote gets the status of the server's answer to a player's request. When the request
// has changed the progress, sockets of an account with an API key read the user anew:
// they get no events.
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
