package progress

import (
	"encoding/json"
	"errors"
)

// loader makes entries of the records of a file.
type loader struct {
	user    string // "": whoever it is
	entries entries
	newer   bool
	foreign bool           // the file is another user's
	lost    map[string]int // by session: how many places were unreadable before its newest record
}

func newLoader(user string) *loader {
	return &loader{user: user, entries: newEntries(), lost: make(map[string]int)}
}

var errRecord = errors.New("it is no record of the journal")

// record takes one record; lost is how many places before it were unreadable.
func (l *loader) record(b []byte, lost int) error {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if h := r.Head; h != nil {
		switch {
		case h.Format != fileFormat:
			return errRecord
		case h.Version > fileVersion:
			l.newer = true
		case l.user != "" && h.User != l.user:
			l.foreign = true
		}
	}
	switch {
	case l.newer:
		return nil // nobody looks at it
	case l.foreign, !r.valid():
		return errRecord
	}
	l.entries.apply(r)
	if r.Session != nil {
		l.lost[r.Session.ID] = lost
	}
	return nil
}

// valid reports whether a record can be applied.
func (r record) valid() bool {
	switch {
	case r.Session != nil:
		return goodID(r.Session.ID) && r.Session.Seq < maxSeq
	case r.Change != nil:
		return goodID(r.Change.Item) && goodSeq(r.Change.Seq) && fieldsOf(r.Change.Body) != nil
	case r.Offline != nil:
		return goodID(r.Offline.ID) && goodSeq(r.Offline.Seq) && len(r.Offline.Session) > 0
	case r.SetAside != nil:
		return goodSeq(r.SetAside.ID)
	case r.Device != nil:
		return r.Device.ID != "" && len(r.Device.Info) > 0
	}
	return r.Head != nil || r.Removed != nil
}

// maxSeq is more than the sequence numbers that are ever given out.
const maxSeq = 1 << 53

func goodSeq(n uint64) bool { return n > 0 && n < maxSeq }

// finish returns the entries. lost is how many places in the file were
// unreadable: a session whose newest record lies before one of them may have had
// a newer state.
func (l *loader) finish(lost int) entries {
	for id, s := range l.entries.sessions {
		s.backlog, s.stored, s.askAfter = s.pending(), true, afterStart()
		s.Recovered = s.Recovered || s.pending() && l.lost[id] < lost
	}
	for id, d := range l.entries.devices {
		if d.uses == 0 { // its sessions are delivered, or lost
			delete(l.entries.devices, id)
			l.entries.charge(d.By, -d.size())
		}
	}
	return l.entries
}
