package progress

import (
	"encoding/json"
	"time"
)

// attempts counts how often the server failed at an entry. It is guarded by
// Journal.mu.
type attempts struct {
	Tries int `json:"tries,omitempty"`

	tried time.Time // when Tries was last counted
}

// tryAgain counts an error of the server's own.
func (j *Journal) tryAgain(w entry) outcome {
	j.mu.Lock()
	tries := j.attemptsLocked(w)
	enough := false
	if now := time.Now(); tries != nil && now.Sub(tries.tried) >= tryEvery {
		tries.tried = now
		tries.Tries++
		enough = tries.Tries >= maxTries
	}
	j.mu.Unlock()
	if enough {
		return j.setAside(w, "the server fails at it again and again")
	}
	return blocked
}

// setAsideEntry is a report that is kept but not sent any more.
type setAsideEntry struct {
	At    time.Time `json:"at"`
	Why   string    `json:"why"`
	Entry entry     `json:"entry"`
}

// UnmarshalJSON implements json.Unmarshaler; the entry itself is kept for people to read.
func (a *setAsideEntry) UnmarshalJSON(b []byte) error {
	var shown struct {
		At  time.Time
		Why string
	}
	err := json.Unmarshal(b, &shown)
	a.At, a.Why = shown.At, shown.Why
	return err
}

// setAside moves w to the reports that are kept but not sent any more.
func (j *Journal) setAside(w entry, why string) outcome {
	if len(why) > 200 {
		why = why[:200]
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.changedLocked()
	now := time.Now()
	put := edit{bucketAside, append(seqKey(uint64(now.UnixNano())), seqKey(j.nextLocked())...), &setAsideEntry{now, why, w}}
	if b, err := json.Marshal(w); err != nil || len(b) > maxAsideEntry {
		put.value = &setAsideEntry{now, why, nil}
	}
	e, still := j.removeLocked(w)
	if !still {
		return done
	}
	if err := j.writeLocked(e, put); err != nil {
		j.log.Warn("a report that was set aside is still in the journal", "reason", err)
	}
	j.setAsideCount, j.setAsideReason = min(j.setAsideCount+1, maxAside), why
	j.log.Warn("a report of listening was set aside", "reason", why, "item", w.item(), "reports", w.count())
	return done
}
