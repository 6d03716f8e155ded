package progress

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// SetAsideReport is a report that was set aside, as a person sees it.
type SetAsideReport struct {
	ID      uint64
	At      time.Time // when it was set aside
	Why     string
	Item    string // of the library
	Episode string
	Reports int // of the player that went into it
	Seconds float64
	// Retryable: it can be sent again. Of a very large one, and of one that an
	// earlier version set aside, only the reason was kept.
	Retryable bool
}

// ErrNotSetAside: no report that was set aside has this number.
var ErrNotSetAside = errors.New("no report that was set aside has this number")

// SetAside returns the reports that were set aside, oldest first.
func (j *Journal) SetAside() []SetAsideReport {
	j.lock()
	defer j.unlock()
	list := make([]SetAsideReport, 0, len(j.entries.setAside))
	for _, s := range j.entries.setAside {
		r := SetAsideReport{ID: s.ID, At: s.At, Why: s.Why, Item: s.Item, Episode: s.Episode, Reports: s.Reports}
		if kept, ok := s.record(); ok {
			r.Retryable = true
			if l := kept.Session; l != nil {
				if all := l.Sent.then(l.Waiting); all != nil {
					r.Seconds = all.Time
				}
			}
		}
		list = append(list, r)
	}
	return list
}

// record returns what was set aside. ok is false where only the reason was kept.
func (s *setAsideEntry) record() (r record, ok bool) {
	if len(s.Entry) == 0 || json.Unmarshal(s.Entry, &r) != nil || !r.valid() {
		return record{}, false
	}
	return r, r.Session != nil || r.Change != nil || r.Offline != nil
}

// DropSetAside deletes reports that were set aside, all without ids. It returns
// how many.
func (j *Journal) DropSetAside(ids ...uint64) (int, error) {
	j.lock()
	defer j.unlock()
	list, err := j.chosenLocked(ids)
	if err != nil {
		return 0, err
	}
	var gone []record
	for _, s := range list {
		gone = append(gone, record{Removed: &removed{SetAside: s.ID}})
	}
	if err := j.writeLocked(gone...); err != nil {
		return 0, err
	}
	j.changedLocked()
	j.closeIdleLocked()
	return len(list), nil
}

// RetrySetAside lets reports that were set aside wait for the server once more,
// all that can without ids. It returns how many.
func (j *Journal) RetrySetAside(ids ...uint64) (int, error) {
	j.lock()
	defer j.unlock()
	list, err := j.chosenLocked(ids)
	if err != nil {
		return 0, err
	}
	var t tally
	var records []record
	n := 0
	for _, s := range list {
		again, err := j.againLocked(s)
		if err != nil {
			if len(ids) == 0 {
				continue
			}
			return 0, fmt.Errorf("report %d: %w", s.ID, err)
		}
		n++
		t.size += len(s.Entry) + entrySize
		records = append(records, again, record{Removed: &removed{SetAside: s.ID}})
	}
	if n == 0 {
		return 0, nil
	}
	if j.size+t.size > maxSize {
		return 0, ErrFull
	}
	if err := j.writeLocked(records...); err != nil {
		return 0, err
	}
	j.setPromptLocked(true)
	j.changedLocked()
	j.Wake()
	return n, nil
}

// chosenLocked returns the reports with these ids, or all.
func (j *Journal) chosenLocked(ids []uint64) ([]*setAsideEntry, error) {
	if err := j.openLocked(); err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return slices.Clone(j.entries.setAside), nil
	}
	var list []*setAsideEntry
	for _, id := range ids {
		i := slices.IndexFunc(j.entries.setAside, func(s *setAsideEntry) bool { return s.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("%w: %d", ErrNotSetAside, id)
		}
		list = append(list, j.entries.setAside[i])
	}
	return list, nil
}

// againLocked returns the record that makes a report wait once more, as one that
// came now. What it says was made when it was made.
func (j *Journal) againLocked(s *setAsideEntry) (record, error) {
	r, ok := s.record()
	now := time.Now().UnixMilli()
	switch {
	case !ok:
		return r, errors.New("only the reason was kept")
	case r.Session != nil:
		if j.sessions[r.Session.ID] != nil {
			return r, errors.New("its session is in use again")
		}
		l := r.Session
		if all := l.Sent.then(l.Waiting); all != nil {
			waits := *all
			waits.First = now
			l.Sent, l.Waiting = nil, &waits
		}
		// It may have been counted since.
		l.Recovered, l.Gone, l.Tries, l.Seq, l.backlog = true, false, 0, j.nextSeq(), true
	case r.Change != nil:
		r.Change.Seq, r.Change.First, r.Change.Tries = j.nextSeq(), now, 0
		r.Replaces = 0
	case r.Offline != nil:
		if j.latest[r.Offline.ID] != nil {
			return r, errors.New("a newer state of its session waits already")
		}
		r.Offline.Seq, r.Offline.First, r.Offline.Tries = j.nextSeq(), now, 0
	}
	return r, nil
}
