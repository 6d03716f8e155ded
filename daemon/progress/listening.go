package progress

import (
	"encoding/json"
	"time"
)

// interval is a stretch of listening that the server may not have counted yet.
// Reports that follow each other are joined into one.
type interval struct {
	Time     float64 `json:"time"` // seconds listened
	Position float64 `json:"position"`
	Duration float64 `json:"duration,omitempty"`
	First    int64   `json:"first"` // when the oldest report in it came, in ms of our clock
	At       int64   `json:"at"`    // the newest
	Count    int     `json:"count"`
}

// then joins s and the later interval next; either may be nil.
func (s *interval) then(next *interval) *interval {
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

// body returns the interval as /sync and /close accept it.
func (s *interval) body(position float64) []byte {
	b := struct {
		CurrentTime  float64 `json:"currentTime"`
		TimeListened float64 `json:"timeListened"`
		Duration     float64 `json:"duration,omitempty"`
	}{position, s.Time, s.Duration}
	out, _ := json.Marshal(b) // numbers that came as JSON
	return out
}

// listening is what is known of a playback session. The server keeps sessions
// in memory. After its restart they are gone, and their time can only be
// reported as a session "listened to offline" under the same id, with the
// absolute sum.
type listening struct {
	ID string `json:"id"` // never changes
	account

	charged   int     // what it adds to the size of all entries
	chargedTo *caller // whose they are
}

// account is what became of a session's time. Guarded by Journal.lock.
type account struct {
	Info *info `json:"info,omitempty"` // nil: never seen

	// Base is how many seconds the server has counted, without Sent.
	Base  float64 `json:"base"`
	Known bool    `json:"known"` // Base was read from the server
	// Position is the last one that the server has certainly accepted.
	Position float64 `json:"position"`

	Sent      *interval  `json:"sent,omitempty"`      // on its way, or sent without an answer
	Waiting   *interval  `json:"waiting,omitempty"`   // certainly not sent yet
	Closing   bool       `json:"closing,omitempty"`   // the player has ended it
	Recovered bool       `json:"recovered,omitempty"` // the file was damaged: newer states of it may be missing
	Gone      bool       `json:"gone,omitempty"`      // the server does not know it any more
	Closed    bool       `json:"closed,omitempty"`    // the server has closed it for another one of its device
	Timestamp *timestamp `json:"stamp,omitempty"`     // to be corrected at the server

	Agent string  `json:"agent,omitempty"` // the player's User-Agent, which the server records
	By    *caller `json:"by,omitzero"`     // that reported last
	Seq   uint64  `json:"seq"`
	Seen  int64   `json:"seen"` // ms, of the newest report

	backlog bool // the delivery works on it
	stored  bool // the file has it
	dirty   bool // the file has an older state
	attempts
	askAfter   time.Time // until then the server may still be at work on Sent
	notCounted *interval // the Sent that the server was asked for and had not counted
}

// timestamp is the time that a progress should carry. The server puts in its
// own time when it accepts a report, and would later refuse what another device
// reports about the time in between.
type timestamp struct {
	At       int64   `json:"at"` // ms of the server's clock
	Position float64 `json:"position"`
}

// idleAfter is when the server has certainly closed a silent session:
// 36 h (abs: server/managers/PlaybackSessionManager.js, closeStaleOpenSessions),
// at the nightly job after it.
const idleAfter = 60 * time.Hour

func (l *listening) pending() bool {
	return l.Sent != nil || l.Waiting != nil || l.Closing || l.Timestamp != nil
}

func (l *listening) seen() time.Time { return time.UnixMilli(l.Seen) }

func (l *listening) order() uint64 { return l.Seq }
func (l *listening) by() *caller   { return l.By }

// failed: nobody knows yet whether the server has such a session.
func (l *listening) failed() bool { return !l.Known || l.Tries > 0 }

func (l *listening) count() int {
	n := 0
	for _, s := range []*interval{l.Sent, l.Waiting} {
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
	for _, s := range []*interval{l.Sent, l.Waiting} {
		if s != nil {
			return time.UnixMilli(s.First)
		}
	}
	return l.seen()
}

func (l *listening) item() itemID {
	if l.Info == nil {
		return itemID{}
	}
	return itemID{l.Info.Item, l.Info.Episode}
}

func (l *listening) size() int {
	n := 2*entrySize + len(l.ID) + len(l.Agent)
	if l.Info != nil {
		n += l.Info.size()
	}
	return n
}

// unsent returns how much of the interval s the server's sum lacks. It is for a
// session whose newest states may be lost: what waited may be counted already.
func (l *listening) unsent(s *interval, sum float64) float64 {
	if s == nil {
		return 0
	}
	return min(s.Time, max(0, l.Base+s.Time-sum))
}

// counted reports whether the server's sum includes Sent. The sum is Base with
// or without Sent; anything above was added by somebody else.
func (l *listening) counted(sum float64) bool {
	return sum >= l.Base+l.Sent.Time-sumSlack
}

// sumSlack is larger than rounding errors of sums of seconds, and smaller than
// any interval that a player reports.
const sumSlack = 0.005
