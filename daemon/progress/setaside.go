package progress

import (
	"encoding/json"
	"time"
)

const (
	// maxSetAside and maxSetAsideBytes bound what was set aside; the oldest goes
	// first.
	maxSetAside      = 200
	maxSetAsideBytes = 512 << 10
	// maxReason bounds the text of a reason.
	maxReason = 200
)

// attempts counts how often the server failed at an entry. It is guarded by
// Journal.lock.
type attempts struct {
	Tries int `json:"tries,omitempty"`

	tried int64 // when Tries was last counted, in ms
}

// tryAgain counts an error of the server's own.
func (j *Journal) tryAgain(w entry) outcome {
	j.lock()
	tries := j.attemptsLocked(w)
	enough := false
	if now := time.Now().UnixMilli(); tries != nil && now-tries.tried >= tryEvery.Milliseconds() {
		tries.tried = now
		tries.Tries++
		enough = tries.Tries >= maxTries
	}
	j.unlock()
	if enough {
		return j.setAside(w, "the server fails at it again and again")
	}
	return blocked
}

// setAsideEntry is a report that is kept but not sent any more.
type setAsideEntry struct {
	ID      uint64          `json:"id"`
	At      time.Time       `json:"at"`
	Why     string          `json:"why"`
	Item    string          `json:"item,omitempty"`
	Episode string          `json:"episode,omitempty"`
	Reports int             `json:"reports,omitempty"`
	Entry   json.RawMessage `json:"entry,omitempty"` // its record; of a very large one only the rest is kept
}

func (s *setAsideEntry) size() int { return entrySize + len(s.Why) + len(s.Item) + len(s.Entry) }

func (e *entries) putSetAside(s *setAsideEntry) {
	e.seq = max(e.seq, s.ID)
	e.setAside = append(e.setAside, s)
	e.size += s.size()
	total := 0
	for _, s := range e.setAside {
		total += s.size()
	}
	for len(e.setAside) > maxSetAside || total > maxSetAsideBytes {
		gone := e.setAside[0].size()
		total, e.size = total-gone, e.size-gone
		e.setAside[0] = nil
		e.setAside = e.setAside[1:]
	}
}

// setAside moves w to the reports that are kept but not sent any more.
func (j *Journal) setAside(w entry, why string) outcome {
	j.lock()
	defer j.unlock()
	return j.setAsideLocked(w, why)
}

func (j *Journal) setAsideLocked(w entry, why string) outcome {
	defer j.changedLocked()
	if len(why) > maxReason {
		why = why[:maxReason]
	}
	gone, still := j.removalLocked(w)
	if !still {
		return done
	}
	put := &setAsideEntry{
		ID: j.nextSeq(), At: time.Now(), Why: why, Item: w.item().item, Episode: w.item().episode, Reports: w.count(),
	}
	if b, err := asRecord(w).encode(); err == nil && len(b) <= maxSetAsideBytes/8 {
		put.Entry = b
	}
	// First the one, then the other: a crash between them repeats the request.
	if err := j.writeLocked(record{SetAside: put}, gone); err != nil {
		j.log.Warn("a report that was set aside is still in the journal", "reason", err)
		j.apply(record{SetAside: put})
		j.apply(gone)
	}
	j.log.Warn("a report of listening was set aside", "reason", why, "item", w.item().item, "reports", w.count())
	return done
}

func asRecord(w entry) record {
	switch w := w.(type) {
	case *listening:
		return record{Session: w}
	case *change:
		return record{Change: w}
	case *offline:
		return record{Offline: w}
	}
	return record{}
}
