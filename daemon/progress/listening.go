package progress

import (
	"encoding/json"
	"net/http"
	"time"
)

// spell is a stretch of listening that the server is not known to have
// counted. Reports that follow each other become one.
type spell struct {
	Time     float64 `json:"time"` // seconds listened
	Position float64 `json:"position"`
	Duration float64 `json:"duration,omitempty"`
	First    int64   `json:"first"` // when the oldest report in it came, in ms of our clock
	At       int64   `json:"at"`    // the newest
	Count    int     `json:"count"`
}

// then returns the spell of both; next is the later one.
func (s *spell) then(next *spell) *spell {
	switch {
	case s == nil:
		return next
	case next == nil:
		return s
	}
	both := *next
	both.Time += s.Time
	both.Count += s.Count
	both.First = s.First
	if both.Duration == 0 {
		both.Duration = s.Duration
	}
	return &both
}

// body is the spell as /sync and /close take it.
func (s *spell) body(position float64) []byte {
	b := struct {
		CurrentTime  float64 `json:"currentTime"`
		TimeListened float64 `json:"timeListened"`
		Duration     float64 `json:"duration,omitempty"`
	}{position, s.Time, s.Duration}
	out, _ := json.Marshal(b) // numbers that came as JSON
	return out
}

// listening is what is known of a playback session. The server keeps those in
// memory: after its restart they are gone, and only a session "listened to
// offline" under the same id, with the absolute sum, can still be reported.
type listening struct {
	ID string `json:"id"` // never changes
	account
}

// account is what has become of a session's time. Guarded by Journal.mu.
type account struct {
	Info *info `json:"info,omitempty"` // nil: never seen

	// Base is what the server has counted, in seconds, without Sent.
	Base  float64 `json:"base"`
	Known bool    `json:"known"` // Base is
	// Position is the last that the server surely took.
	Position float64 `json:"position"`

	Sent    *spell `json:"sent,omitempty"`    // on its way, or its answer was lost
	Waiting *spell `json:"waiting,omitempty"` // surely not sent yet
	Closing bool   `json:"closing,omitempty"` // the player has ended it
	Gone    bool   `json:"gone,omitempty"`    // the server does not know it any more
	Closed  bool   `json:"closed,omitempty"`  // the server has closed it for another one of its device
	Stamp   *stamp `json:"stamp,omitempty"`   // to be put right

	Agent string `json:"agent,omitempty"` // the player's User-Agent: the server keeps it
	Seq   uint64 `json:"seq"`
	Seen  int64  `json:"seen"`            // ms, of the newest report
	Tries int    `json:"tries,omitempty"` // that met an error of the server's own

	backlog bool      // it is the delivery's to go on with
	stored  bool      // the file has it
	dirty   bool      // the file has an older state
	tried   time.Time // when Tries was last counted
	quiet   time.Time // until then the server may still be at work on Sent
	missed  *spell    // Sent, when the server was asked and had not counted it
}

// stamp is the time that a progress should carry: the server puts in its own
// when it takes a report, and would later refuse what another device says of
// the time in between.
type stamp struct {
	At       int64   `json:"at"` // ms of the server's clock
	Position float64 `json:"position"`
}

// idleAfter is when the server has closed a session of which it heard nothing:
// 36 h (abs: server/managers/PlaybackSessionManager.js, closeStaleOpenSessions),
// at the nightly job after it.
const idleAfter = 60 * time.Hour

// header is what a report of it carries beside the account's token.
func (l *listening) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if l.Agent != "" {
		h.Set("User-Agent", l.Agent)
	}
	return h
}

func (l *listening) pending() bool {
	return l.Sent != nil || l.Waiting != nil || l.Closing || l.Stamp != nil
}

func (l *listening) seen() time.Time { return time.UnixMilli(l.Seen) }

func (l *listening) order() uint64 { return l.Seq }

func (l *listening) count() int {
	n := 0
	for _, s := range []*spell{l.Sent, l.Waiting} {
		if s != nil {
			n += s.Count
		}
	}
	if n == 0 && l.Closing {
		n = 1
	}
	return n
}

func (l *listening) since() time.Time {
	for _, s := range []*spell{l.Sent, l.Waiting} {
		if s != nil {
			return time.UnixMilli(s.First)
		}
	}
	return l.seen()
}

func (l *listening) item() string {
	if l.Info == nil {
		return ""
	}
	return itemKey(l.Info.Item, l.Info.Episode)
}

func itemKey(item, episode string) string { return item + "/" + episode }

// counted reports whether the server's sum says that it has counted Sent. The
// sum is Base with or without it; anything above was added by somebody else.
func (l *listening) counted(sum float64) bool {
	return sum >= l.Base+l.Sent.Time-sumSlack
}

// sumSlack is more than adding floating-point seconds in another order can
// change a sum, and less than anybody listens.
const sumSlack = 0.005
