package progress

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

// offline is a session that a player listened to without the server. It is
// reported with absolute sums, so that sending it twice changes nothing.
type offline struct {
	Seq     uint64 `json:"seq"`
	ID      string `json:"id"`
	Item    string `json:"item"`
	Episode string `json:"episode,omitempty"`
	Session text   `json:"session"`
	Device  string `json:"device_id,omitempty"` // of a LocalAll: the id of its device
	All     bool   `json:"all,omitempty"`       // it came in a LocalAll
	alone   bool   // not with others: the server did not answer to it
	Agent   string `json:"agent,omitempty"` // the player's User-Agent, which the server records
	First   int64  `json:"first"`
	At      int64  `json:"at"`
	Count   int    `json:"count"`

	By *caller `json:"by,omitzero"`
	at link[*offline]
	attempts
}

func (o *offline) order() uint64               { return o.Seq }
func (o *offline) by() *caller                 { return o.By }
func (o *offline) failed() bool                { return o.alone || o.Tries > 0 }
func (o *offline) count() int                  { return o.Count }
func (o *offline) since() time.Time            { return time.UnixMilli(o.First) }
func (o *offline) item() itemID                { return itemID{o.Item, o.Episode} }
func (o *offline) neighbours() *link[*offline] { return &o.at }
func (o *offline) size() int {
	return entrySize + len(o.Session) // the ids stand in it, and the agent is shared
}

// device is what a LocalAll says of the player for all its sessions. It is kept
// once, however many there are.
type device struct {
	ID   string          `json:"id"`
	Info json.RawMessage `json:"info"`
	By   *caller         `json:"by,omitzero"` // that sent it first

	uses int // by entries
}

func deviceOf(raw json.RawMessage) *device {
	if len(raw) == 0 {
		return nil
	}
	sum := sha256.Sum256(raw)
	return &device{ID: hex.EncodeToString(sum[:16]), Info: bytes.Clone(raw)}
}

func (d *device) size() int {
	if d == nil {
		return 0
	}
	return entrySize + len(d.Info)
}

// offlineOf reads one session.
func offlineOf(raw json.RawMessage, agent string, now time.Time) (o *offline, ok bool) {
	var s struct {
		ID, LibraryItemID string
		EpisodeID         *string
	}
	if len(raw) > maxUpdate || json.Unmarshal(raw, &s) != nil || !goodID(s.ID) || !goodID(s.LibraryItemID) {
		return nil, false
	}
	at := now.UnixMilli()
	o = &offline{Session: text(raw), Agent: agent, First: at, At: at, Count: 1}
	o.ID, o.Item = o.Session.part(s.ID), o.Session.part(s.LibraryItemID)
	if s.EpisodeID != nil {
		o.Episode = o.Session.part(*s.EpisodeID)
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

// reportOf returns offline sessions as a player would send them. They came from
// one device, or there is one.
func reportOf(list []*offline, d *device) Report {
	o := list[0]
	r := Report{Kind: Local, Body: []byte(o.Session), Header: http.Header{"Content-Type": {"application/json"}}}
	if o.Agent != "" {
		r.Header.Set("User-Agent", o.Agent)
	}
	if !o.All {
		return r
	}
	r.Kind = LocalAll
	var body bytes.Buffer
	body.WriteString(`{"sessions":[`)
	for i, o := range list {
		if i > 0 {
			body.WriteByte(',')
		}
		body.WriteString(string(o.Session))
	}
	body.WriteByte(']')
	if d != nil {
		body.WriteString(`,"deviceInfo":`)
		body.Write(d.Info)
	}
	body.WriteByte('}')
	r.Body = body.Bytes()
	return r
}
