package progress

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"iter"
	"time"
)

// record is one line of the journal's file: what is said of one entry. Exactly
// one of its fields is set, Replaces apart.
type record struct {
	Head     *fileHead      `json:"head,omitempty"`
	Session  *listening     `json:"session,omitempty"`
	Change   *change        `json:"change,omitempty"`
	Replaces uint64         `json:"replaces,omitempty"` // the update that Change takes the place of
	Offline  *offline       `json:"offline,omitempty"`
	Device   *device        `json:"device,omitempty"`
	SetAside *setAsideEntry `json:"set_aside,omitempty"`
	Removed  *removed       `json:"removed,omitempty"`
}

// fileHead is the first record of a file.
type fileHead struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	User    string `json:"user"` // whose reports they are, as the server's tokens say
}

const (
	fileFormat  = "shelfkeeper listening"
	fileVersion = 1
)

// removed names an entry that does not count any more.
type removed struct {
	Session  string `json:"session,omitempty"`
	Change   uint64 `json:"change,omitempty"`
	Offline  string `json:"offline,omitempty"`
	SetAside uint64 `json:"set_aside,omitempty"`
}

// itemID names what a progress is about.
type itemID struct{ item, episode string }

var hashSeed = maphash.MakeSeed()

func (i itemID) hash() uint64 { return maphash.Comparable(hashSeed, i) }

// entrySize is about what the memory for one entry costs beside its texts, the
// indexes included.
const entrySize = 240

// entries is what a journal keeps. It is guarded by Journal.lock.
type entries struct {
	sessions map[string]*listening
	changes  queue[*change]
	lines    lines[*change]
	offline  queue[*offline]
	offlines lines[*offline]
	latest   map[string]*offline // by id of the session
	devices  map[string]*device
	setAside []*setAsideEntry // oldest first
	callers  map[string]*caller
	size     int    // of all, as a bound of the memory that they take
	reserved int    // by reports that are being written
	seq      uint64 // the highest number that was given out
}

func newEntries() entries {
	return entries{
		sessions: make(map[string]*listening), lines: make(lines[*change]), offlines: make(lines[*offline]), callers: make(map[string]*caller),
		latest: make(map[string]*offline), devices: make(map[string]*device),
	}
}

func (e *entries) nextSeq() uint64 { e.seq++; return e.seq }

// apply makes what a record says true.
func (e *entries) apply(r record) {
	switch {
	case r.Session != nil:
		e.putSession(r.Session)
	case r.Change != nil:
		e.removeChange(r.Replaces)
		e.putChange(r.Change)
	case r.Offline != nil:
		e.putOffline(r.Offline)
	case r.Device != nil:
		if e.devices[r.Device.ID] == nil {
			by := e.own(r.Device.By)
			e.devices[r.Device.ID] = &device{ID: r.Device.ID, Info: r.Device.Info, By: by}
			e.charge(by, r.Device.size())
		}
	case r.SetAside != nil:
		e.putSetAside(r.SetAside)
	case r.Removed != nil:
		e.remove(*r.Removed)
	}
}

func (e *entries) putSession(l *listening) {
	e.seq = max(e.seq, l.Seq)
	was := e.sessions[l.ID]
	if was == nil {
		e.sessions[l.ID] = l
		was = l
	}
	by, size := e.own(l.By), l.size()
	l.By = by
	was.account = l.account // a delivery may hold was
	e.charge(by, size)
	by.sessions++
	e.uncharge(was)
	was.charged, was.chargedTo = size, by
}

// uncharge takes a session from the caller that has it.
func (e *entries) uncharge(l *listening) {
	if by := l.chargedTo; by != nil {
		by.sessions--
		e.charge(by, -l.charged)
	}
	l.charged, l.chargedTo = 0, nil
}

func (e *entries) putChange(c *change) {
	c.By, c.at = e.own(c.By), link[*change]{}
	e.charge(c.By, c.size())
	if was := e.changes.get(c.Seq); was != nil { // another state of it
		e.changes.replace(c)
		e.lines.remove(was)
		was.By.leave(was)
		e.charge(was.By, -was.size())
	} else {
		e.changes.push(c)
	}
	e.lines.add(c)
	c.By.wait(c)
	e.seq = max(e.seq, c.Seq)
}

func (e *entries) removeChange(seq uint64) {
	c := e.changes.get(seq)
	if c == nil {
		return
	}
	e.changes.remove(seq)
	e.lines.remove(c)
	c.By.leave(c)
	e.charge(c.By, -c.size())
}

func (e *entries) putOffline(o *offline) {
	if d := e.devices[o.Device]; d != nil {
		o.Device = d.ID // in the same memory
		d.uses++        // first: the earlier state may be the last that uses it
	}
	o.By, o.at = e.own(o.By), link[*offline]{}
	e.charge(o.By, o.size())
	e.removeOffline(o.ID)
	e.offline.push(o)
	e.offlines.add(o)
	o.By.wait(o)
	e.latest[o.ID] = o
	e.seq = max(e.seq, o.Seq)
}

func (e *entries) removeOffline(id string) {
	o := e.latest[id]
	if o == nil {
		return
	}
	e.offline.remove(o.Seq)
	e.offlines.remove(o)
	o.By.leave(o)
	delete(e.latest, id)
	e.charge(o.By, -o.size())
	if d := e.devices[o.Device]; d != nil {
		if d.uses--; d.uses == 0 {
			delete(e.devices, d.ID)
			e.charge(d.By, -d.size())
		}
	}
}

func (e *entries) remove(r removed) {
	switch {
	case r.Session != "":
		if l := e.sessions[r.Session]; l != nil {
			delete(e.sessions, r.Session)
			e.uncharge(l)
			l.backlog = false
		}
	case r.Change != 0:
		e.removeChange(r.Change)
	case r.Offline != "":
		e.removeOffline(r.Offline)
	case r.SetAside != 0:
		e.dropSetAside(func(s *setAsideEntry) bool { return s.ID == r.SetAside })
	}
}

// waiting returns how many entries wait to be delivered.
func (e *entries) waiting() int {
	return e.changes.len() + e.offline.len() + e.waitingSessions()
}

func (e *entries) waitingSessions() (n int) {
	for _, l := range e.sessions {
		if l.backlog {
			n++
		}
	}
	return n
}

// reports returns how many reports wait, and when the oldest of them came.
func (e *entries) reports() (n int, oldest time.Time) {
	n = e.changes.reports + e.offline.reports
	earlier := func(at time.Time) {
		if !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	earlier(e.changes.oldest())
	earlier(e.offline.oldest())
	for _, l := range e.sessions {
		if l.backlog {
			n += l.count()
			earlier(l.since())
		}
	}
	return n, oldest
}

// records returns everything as the records of a new file.
func (e *entries) records(user string, more []record) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		put := func(r record) bool { return yield(r.encode()) }
		if !put(record{Head: &fileHead{fileFormat, fileVersion, user}}) {
			return
		}
		for _, l := range e.sessions {
			if !put(record{Session: l}) {
				return
			}
		}
		for c := range e.changes.all() {
			if !put(record{Change: c}) {
				return
			}
		}
		for _, d := range e.devices { // before their sessions
			if !put(record{Device: d}) {
				return
			}
		}
		for o := range e.offline.all() {
			if !put(record{Offline: o}) {
				return
			}
		}
		for _, s := range e.setAside {
			if !put(record{SetAside: s}) {
				return
			}
		}
		for _, r := range more {
			if !put(r) {
				return
			}
		}
	}
}

func (r record) encode() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the journal of listening: %w", err)
	}
	return b, nil
}
