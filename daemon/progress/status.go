package progress

import "time"

// Status is what a person sees of a Journal.
type Status struct {
	Waiting        int       // reports that players count on and the server has not got
	Oldest         time.Time // of them; zero: none
	SetAside       int       // that the server refused, or that are too old; kept, not sent again
	SetAsideReason string    // the newest of those was set aside
	OtherUsers     int       // entries that wait for another user of this account
	Damaged        string    // the file in which a damaged journal is kept; "": none
	WriteError     error     // why nothing can be written at the moment
}

// Status returns the state of this moment.
func (j *Journal) Status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Status{SetAside: j.aside, SetAsideReason: j.why, OtherUsers: j.others, Damaged: j.damaged, WriteError: j.trouble}
	j.eachLocked(func(w work) {
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

// turnedLocked is called after each change of what waits.
func (j *Journal) turnedLocked() {
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

// work is what waits to be delivered.
type work interface {
	order() uint64
	count() int // reports that went into it
	since() time.Time
	item() string // whose progress it changes; "" unknown
}

// eachLocked calls f for all that waits.
func (j *Journal) eachLocked(f func(work)) {
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

// waitingLocked is how many entries wait.
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
