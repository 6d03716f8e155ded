package progress

import (
	"encoding/json"
	"time"
)

// tryAgain counts an error of the server's own.
func (j *Journal) tryAgain(w work, tries *int, last *time.Time) outcome {
	j.mu.Lock()
	give := false
	if now := time.Now(); now.Sub(*last) >= tryEvery {
		*last = now
		*tries++
		give = *tries >= maxTries
	}
	j.mu.Unlock()
	if give {
		return j.putAside(w, "the server fails at it again and again")
	}
	return hinder
}

// asideEntry is a report that is not sent any more.
type asideEntry struct {
	At    time.Time `json:"at"`
	Why   string    `json:"why"`
	Entry work      `json:"entry"`
}

// UnmarshalJSON implements json.Unmarshaler; Entry is for people to read.
func (a *asideEntry) UnmarshalJSON(b []byte) error {
	var shown struct {
		At  time.Time
		Why string
	}
	err := json.Unmarshal(b, &shown)
	a.At, a.Why = shown.At, shown.Why
	return err
}

// putAside keeps w where it is not sent any more.
func (j *Journal) putAside(w work, why string) outcome {
	if len(why) > 200 {
		why = why[:200]
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.turnedLocked()
	now := time.Now()
	put := edit{bucketAside, append(seqKey(uint64(now.UnixNano())), seqKey(j.nextLocked())...), &asideEntry{now, why, w}}
	if b, err := json.Marshal(w); err != nil || len(b) > maxAsideEntry {
		put.value = &asideEntry{now, why, nil}
	}
	e, still := j.strikeLocked(w)
	if !still {
		return done
	}
	if err := j.writeLocked(e, put); err != nil {
		j.log.Warn("a report that was set aside is still in the journal", "reason", err)
	}
	j.aside, j.why = min(j.aside+1, maxAside), why
	j.log.Warn("a report of listening was set aside", "reason", why, "item", w.item(), "reports", w.count())
	return done
}
