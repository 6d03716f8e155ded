package progress

import "time"

// Status is the state of a Journal as a person sees it.
type Status struct {
	Waiting        int       // reports that were confirmed to players and are not at the server yet
	Oldest         time.Time // of them; zero: none
	SetAside       int       // reports that the server refused, or that are too old; kept, not sent again
	SetAsideReason string    // of the newest of those
	OtherUsers     int       // entries that wait for another user of this account
	Damaged        string    // the file in which a damaged journal is kept; "": none
	WriteError     error     // why nothing can be written at the moment
}

// Status returns the state of this moment.
func (j *Journal) Status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Status{
		SetAside: j.setAsideCount, SetAsideReason: j.setAsideReason, OtherUsers: j.otherUsers, Damaged: j.damaged, WriteError: j.writeErr,
	}
	j.eachLocked(func(w entry) {
		s.Waiting += w.count()
		if at := w.since(); s.Oldest.IsZero() || at.Before(s.Oldest) {
			s.Oldest = at
		}
	})
	return s
}

// Changed returns a channel that is closed at the next change of Status.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// changedLocked is called after each change of what waits or is shown.
func (j *Journal) changedLocked() {
	close(j.changed)
	j.changed = make(chan struct{})
	closed := false
	select {
	case <-j.idle:
		closed = true
	default:
	}
	if waits := j.waitingLocked() > 0; waits && closed {
		j.idle = make(chan struct{})
	} else if !waits && !closed {
		close(j.idle)
	}
}

// entry is something that waits to be delivered.
type entry interface {
	order() uint64
	count() int // reports that went into it
	since() time.Time
	item() string // whose progress it changes; "" unknown
}

// eachLocked calls f for all that waits.
func (j *Journal) eachLocked(f func(entry)) {
	for _, l := range j.sessions {
		if l.backlog {
			f(l)
		}
	}
	for _, c := range j.changes {
		f(c)
	}
	for _, o := range j.offline {
		f(o)
	}
}

// waitingLocked returns how many entries wait.
func (j *Journal) waitingLocked() int {
	n := len(j.changes) + len(j.offline)
	for _, l := range j.sessions {
		if l.backlog {
			n++
		}
	}
	return n
}

// Waiting counts the reports of a user that wait in the journal at path, while
// no Journal has it open.
func Waiting(path, userID string) (int, error) {
	s := store{path: path, user: userID}
	if !s.exists() {
		return 0, nil
	}
	f, err := s.tryOpen()
	if err != nil {
		return 0, err
	}
	n := len(f.offline)
	for _, c := range f.changes {
		n += c.Count
	}
	for _, l := range f.sessions {
		n += l.count()
	}
	return n, s.close()
}
