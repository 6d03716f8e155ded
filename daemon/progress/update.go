package progress

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// change is an update of the user's place in an item, as PATCH accepts it. It is
// guarded by Journal.mu, and never changed after it was written, only replaced.
type change struct {
	Seq     uint64                     `json:"seq"`
	Item    string                     `json:"item"`
	Episode string                     `json:"episode,omitempty"`
	Body    map[string]json.RawMessage `json:"body"`
	First   int64                      `json:"first"`
	At      int64                      `json:"at"`             // when it came, in ms of our clock
	Said    int64                      `json:"said,omitempty"` // when it was made, as the player says: the lastUpdate in Body
	Count   int                        `json:"count"`
	Tried   bool                       `json:"tried,omitempty"` // it was sent, and its answer was lost

	attempts
}

func (c *change) order() uint64    { return c.Seq }
func (c *change) count() int       { return c.Count }
func (c *change) since() time.Time { return time.UnixMilli(c.First) }
func (c *change) item() string     { return itemKey(c.Item, c.Episode) }

// changeOf reads the body of an update. ok is false for one that only the server
// can judge.
func changeOf(item, episode string, body []byte, now time.Time) (c *change, ok bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || len(fields) == 0 || !goodID(item) || episode != "" && !goodID(episode) {
		return nil, false
	}
	at := now.UnixMilli()
	c = &change{Item: item, Episode: episode, Body: fields, First: at, At: at, Count: 1}
	if said, there, ok := number(fields["lastUpdate"]); ok && there && said > 0 && said < 1<<53 {
		c.Said = int64(said)
	}
	return c, true
}

// resetting are the fields that make the server change other fields too:
// finishing and restarting reset them (abs: server/models/MediaProgress.js,
// applyProgressUpdate).
var resetting = []string{"isFinished", "finishedAt", "hideFromContinueListening"}

// covers reports whether c makes an earlier update superfluous: after c, nothing
// of the earlier one could be seen.
func (c *change) covers(earlier *change) bool {
	if earlier.Item != c.Item || earlier.Episode != c.Episode {
		return false
	}
	for _, key := range resetting {
		if earlier.Body[key] != nil || c.Body[key] != nil {
			return false
		}
	}
	for key := range earlier.Body {
		if _, ok := c.Body[key]; !ok {
			return false
		}
	}
	return true
}

// over returns c as the replacement of an earlier update that it covers.
func (c *change) over(earlier *change) *change {
	both := *c
	both.Count += earlier.Count
	both.First = earlier.First
	return &both
}

// moment returns when the update was made, by the server's clock.
func (c *change) moment(clock *clock) int64 {
	if c.Said != 0 {
		return min(c.Said, clock.server(time.Now().UnixMilli()))
	}
	return clock.server(c.At)
}

// dated returns the body with the time at which the update was made, so that a
// later report of another device still counts as later.
func (c *change) dated(at int64) []byte {
	fields := maps.Clone(c.Body)
	fields["lastUpdate"], _ = json.Marshal(at)
	b, _ := json.Marshal(fields) // of raw JSON
	return b
}

// shows reports whether p is what c asks for, because c has arrived before.
func (c *change) shows(p *place) bool {
	seen := false
	for key, is := range map[string]func(json.RawMessage) bool{
		"currentTime": func(raw json.RawMessage) bool { n, _, ok := number(raw); return ok && p.at(n) },
		"isFinished": func(raw json.RawMessage) bool {
			var b bool
			return json.Unmarshal(raw, &b) == nil && b == p.IsFinished
		},
		"ebookLocation": func(raw json.RawMessage) bool {
			var s string
			return json.Unmarshal(raw, &s) == nil && p.EbookLocation != nil && *p.EbookLocation == s
		},
		"ebookProgress": func(raw json.RawMessage) bool {
			n, _, ok := number(raw)
			return ok && p.EbookProgress != nil && abs(*p.EbookProgress-n) < 1e-6
		},
	} {
		raw, there := c.Body[key]
		if !there || string(raw) == "null" {
			continue
		}
		if !is(raw) {
			return false
		}
		seen = true
	}
	return seen
}

// offline is a session that a player listened to without the server and
// reports with absolute sums: to send it twice changes nothing.
type offline struct {
	Seq     uint64          `json:"seq"`
	ID      string          `json:"id"`
	Item    string          `json:"item"`
	Episode string          `json:"episode,omitempty"`
	Session json.RawMessage `json:"session"`
	Device  json.RawMessage `json:"device,omitempty"` // of a LocalAll
	All     bool            `json:"all,omitempty"`    // it came in a LocalAll
	Agent   string          `json:"agent,omitempty"`  // the player's User-Agent: the server keeps it
	First   int64           `json:"first"`
	At      int64           `json:"at"`
	Count   int             `json:"count"`

	attempts
}

func (o *offline) order() uint64    { return o.Seq }
func (o *offline) count() int       { return o.Count }
func (o *offline) since() time.Time { return time.UnixMilli(o.First) }
func (o *offline) item() string     { return itemKey(o.Item, o.Episode) }

// offlineOf reads one session.
func offlineOf(raw json.RawMessage, now time.Time) (o *offline, ok bool) {
	var s struct {
		ID, LibraryItemID string
		EpisodeID         *string
	}
	if json.Unmarshal(raw, &s) != nil || !goodID(s.ID) || !goodID(s.LibraryItemID) {
		return nil, false
	}
	at := now.UnixMilli()
	o = &offline{ID: s.ID, Item: s.LibraryItemID, Session: raw, First: at, At: at, Count: 1}
	if s.EpisodeID != nil {
		o.Episode = *s.EpisodeID
	}
	return o, true
}

// over returns o as the replacement of an earlier state of the session.
func (o *offline) over(earlier *offline) *offline {
	if earlier == nil {
		return o
	}
	both := *o
	both.Count += earlier.Count
	both.First = earlier.First
	return &both
}

// localAllOf reads the sessions of a LocalAll.
func localAllOf(r Report, now time.Time) (list []*offline, results []result, ok bool) {
	var b struct {
		Sessions   []json.RawMessage
		DeviceInfo json.RawMessage
	}
	if !r.readsJSON() || json.Unmarshal(r.Body, &b) != nil || len(b.Sessions) == 0 {
		return nil, nil, false
	}
	for _, raw := range b.Sessions {
		o, good := offlineOf(raw, now)
		if !good {
			var s struct{ ID string }
			_ = json.Unmarshal(raw, &s) // the refusal names the id, if there is one
			results = append(results, result{ID: s.ID, Error: "Media item not found"})
			continue
		}
		o.Device, o.All, o.Agent = b.DeviceInfo, true, r.Header.Get("User-Agent")
		list = append(list, o)
		synced := true // else a player may take its own, newer place for the older one
		results = append(results, result{ID: o.ID, Success: true, Synced: &synced})
	}
	return list, results, len(list) > 0
}

// report is the offline session as a player would send it.
func (o *offline) report() Report {
	r := Report{Kind: Local, Body: o.Session, Header: http.Header{"Content-Type": {"application/json"}}}
	if o.Agent != "" {
		r.Header.Set("User-Agent", o.Agent)
	}
	if o.All {
		r.Kind = LocalAll
		r.Body, _ = json.Marshal(struct {
			Sessions   []json.RawMessage `json:"sessions"`
			DeviceInfo json.RawMessage   `json:"deviceInfo,omitempty"`
		}{[]json.RawMessage{o.Session}, o.Device})
	}
	return r
}
