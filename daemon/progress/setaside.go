package progress

import (
	"encoding/json"
	"slices"
	"time"
)

const (
	// maxSetAside and maxSetAsideBytes bound what was set aside. A caller may take
	// its share of it, and its own oldest goes first.
	maxSetAside      = 200
	maxSetAsideBytes = 512 << 10
	// leastSetAside and leastSetAsideBytes are what a caller always has.
	leastSetAside      = 5
	leastSetAsideBytes = 16 << 10
	// maxReason bounds the text of a reason.
	maxReason = 200
	// setAsideLines is how many of them the log names in a minute: one report can be
	// about thousands of items that the server does not know.
	setAsideLines = 10
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
		failing(w, func() { tries.Tries++ })
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
	By      *caller         `json:"by,omitzero"`
	Entry   json.RawMessage `json:"entry,omitempty"` // its record; of a very large one only the rest is kept
}

func (s *setAsideEntry) size() int { return entrySize + len(s.Why) + len(s.Item) + len(s.Entry) }

func (e *entries) putSetAside(s *setAsideEntry) {
	e.seq = max(e.seq, s.ID)
	by := e.own(s.By)
	s.By = by
	e.setAside = append(e.setAside, s)
	by.aside++
	by.asideOf += s.size()
	e.charge(by, s.size())
	oldestOf := func(c *caller) func(*setAsideEntry) bool {
		return func(s *setAsideEntry) bool { return s.By == c }
	}
	count, bytes := e.asideOfAll()
	for by.aside > max(leastSetAside, share(maxSetAside, count-by.aside)) ||
		by.aside > 1 && by.asideOf > max(leastSetAsideBytes, share(maxSetAsideBytes, bytes-by.asideOf)) {
		e.dropSetAside(oldestOf(by))
		count, bytes = e.asideOfAll()
	}
	// Only many callers, each with the least that it always has, come to this.
	for count > maxSetAside || bytes > maxSetAsideBytes {
		most := by
		for _, c := range e.callers {
			if c.aside > most.aside {
				most = c
			}
		}
		e.dropSetAside(oldestOf(most))
		count, bytes = e.asideOfAll()
	}
}

// asideOfAll counts what was set aside.
func (e *entries) asideOfAll() (count, bytes int) {
	for _, c := range e.callers {
		count, bytes = count+c.aside, bytes+c.asideOf
	}
	return count, bytes
}

// dropSetAside removes the oldest report for which is reports true.
func (e *entries) dropSetAside(is func(*setAsideEntry) bool) {
	i := slices.IndexFunc(e.setAside, is)
	if i < 0 {
		return
	}
	s := e.setAside[i]
	e.setAside = slices.Delete(e.setAside, i, i+1)
	s.By.aside--
	s.By.asideOf -= s.size()
	e.charge(s.By, -s.size())
}

// setAside moves w to the reports that are kept but not sent any more.
func (j *Journal) setAside(w entry, why string) outcome {
	j.lock()
	defer j.unlock()
	j.endLocked(nil, []refusedEntry{{w, why}})
	return done
}

// perMinute counts what happens in one minute. It is guarded by Journal.lock.
type perMinute struct {
	began time.Time
	count int
}

func (m *perMinute) next(now time.Time) int {
	if now.Sub(m.began) >= time.Minute {
		*m = perMinute{began: now}
	}
	m.count++
	return m.count
}

// refusedEntry is an entry with the reason why it is not sent any more.
type refusedEntry struct {
	entry
	why string
}

// endLocked removes entries that were delivered, and sets aside those that were
// refused, in one write.
func (j *Journal) endLocked(delivered []entry, refused []refusedEntry) {
	defer j.changedLocked()
	var records []record
	for _, r := range refused {
		gone, still := j.removalLocked(r.entry)
		if !still {
			continue
		}
		put := &setAsideEntry{
			ID: j.nextSeq(), At: time.Now(), Why: r.why[:min(len(r.why), maxReason)],
			Item: r.item().item, Episode: r.item().episode, Reports: r.count(), By: r.by(),
		}
		if b, err := asRecord(r.entry).encode(); err == nil && len(b) <= maxSetAsideBytes/8 {
			put.Entry = b
		}
		records = append(records, record{SetAside: put}, gone)
		if j.logged.next(put.At) <= setAsideLines {
			j.log.Warn("a report of listening was set aside", "reason", put.Why, "item", put.Item, "reports", put.Reports)
		}
	}
	write := j.writeLocked
	if len(records) == 0 {
		write = j.writeLaterLocked
	}
	for _, w := range delivered {
		if gone, still := j.removalLocked(w); still {
			records = append(records, gone)
		}
	}
	if err := write(records...); err != nil {
		j.log.Warn("a report that needs nothing more is still in the journal", "reason", err)
		for _, r := range records {
			j.apply(r)
		}
	}
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
