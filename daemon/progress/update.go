package progress

import (
	"encoding/json"
	"time"
)

// change is an update of the user's place in an item, as PATCH accepts it. It is
// guarded by Journal.lock, and never changed after it was written, only replaced.
type change struct {
	Seq     uint64 `json:"seq"`
	Item    string `json:"item"`
	Episode string `json:"episode,omitempty"`
	Body    text   `json:"body"`
	First   int64  `json:"first"`          // when the oldest update in it came, in ms of our clock
	At      int64  `json:"at"`             // when the newest came
	Said    int64  `json:"said,omitempty"` // when it was made, as the player says: the lastUpdate in Body
	Count   int    `json:"count"`
	Tried   bool   `json:"tried,omitempty"` // it was sent, and its answer was lost

	alone bool    // not in a batch: the server did not take it there
	By    *caller `json:"by,omitzero"`
	at    link[*change]
	attempts
}

func (c *change) order() uint64              { return c.Seq }
func (c *change) by() *caller                { return c.By }
func (c *change) failed() bool               { return c.alone || c.Tries > 0 }
func (c *change) count() int                 { return c.Count }
func (c *change) since() time.Time           { return time.UnixMilli(c.First) }
func (c *change) item() itemID               { return itemID{c.Item, c.Episode} }
func (c *change) neighbours() *link[*change] { return &c.at }
func (c *change) size() int                  { return entrySize + len(c.Body) } // the ids stand in it

// maxUpdate is the largest body of one update that is kept.
const maxUpdate = 64 << 10

// changeOf reads the body of an update. ok is false for one that only the server
// can judge.
func changeOf(item, episode string, body []byte, now time.Time) (c *change, ok bool) {
	fields := fieldsOf(body)
	if len(fields) == 0 || len(body) > maxUpdate || !goodID(item) || episode != "" && !goodID(episode) {
		return nil, false
	}
	at := now.UnixMilli()
	c = &change{Body: text(body), First: at, At: at, Count: 1}
	c.Item, c.Episode = c.Body.part(item), c.Body.part(episode)
	if said, there, ok := number(fields["lastUpdate"]); ok && there && said > 0 && said < 1<<53 {
		c.Said = int64(said)
	}
	return c, true
}

// fieldsOf returns the fields of a JSON object, nil where body is none.
func fieldsOf[T []byte | json.RawMessage | text](body T) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(body), &fields) != nil {
		return nil
	}
	return fields
}

// resetting are the fields that make the server change other fields too:
// finishing and restarting reset them (abs: server/models/MediaProgress.js,
// applyProgressUpdate).
var resetting = []string{"isFinished", "finishedAt", "hideFromContinueListening"}

// covers reports whether c makes an earlier update of the same item superfluous:
// after c, nothing of the earlier one could be seen.
func (c *change) covers(earlier *change) bool {
	if c.Body == earlier.Body {
		return true
	}
	is, was := fieldsOf(c.Body), fieldsOf(earlier.Body)
	for _, key := range resetting {
		if was[key] != nil || is[key] != nil {
			return false
		}
	}
	for key := range was {
		if _, ok := is[key]; !ok {
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
	both.Tried = c.Tried || earlier.Tried && c.Body == earlier.Body
	return &both
}

// moment returns when the update was made, by the server's clock. The player's
// word on that is not believed if it lies after the update came, or longer before
// than anybody is away: that is a clock that is wrong.
func (c *change) moment(clock *clock) int64 {
	came := clock.server(c.At)
	if c.Said != 0 && c.Said < came && c.Said > came-tooOld.Milliseconds() {
		return c.Said
	}
	return came
}

// dated returns the body with the time at which the update was made, so that a
// later report of another device still counts as later.
func (c *change) dated(at int64) []byte {
	fields := fieldsOf(c.Body)
	fields["lastUpdate"], _ = json.Marshal(at)
	b, _ := json.Marshal(fields) // of raw JSON
	return b
}

// shows reports whether p is what c asks for, because c has arrived before.
func (c *change) shows(p *place) bool {
	seen, fields := false, fieldsOf(c.Body)
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
		raw, there := fields[key]
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
