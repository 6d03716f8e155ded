package progress

import (
	"sync"
	"time"
)

// Status is the state of a Journal as a person sees it.
type Status struct {
	Waiting        int       // reports that were confirmed to players and are not at the server yet
	Oldest         time.Time // of them; zero: none
	SetAside       int       // reports that the server refused, or that are too old; kept, not sent again
	SetAsideReason string    // of the newest of those
	OtherUsers     int       // entries that wait for another user of this account
	Damaged        string    // the file in which a damaged journal is kept; "": none
	Recovered      int       // entries that were read from it
	WriteError     error     // why nothing can be written at the moment
}

// view is what can be asked of a Journal without waiting for a write. Its mutex
// is never held over one, nor over anything that grows with what waits.
type view struct {
	mu      sync.Mutex
	status  Status
	waiting int           // entries
	prompt  bool          // some of them are soon delivered
	changed chan struct{} // closed and replaced at each change of status
	idle    chan struct{} // closed while nothing waits that is soon delivered
	rounds  chan struct{} // closed and replaced after each round of deliveries
	running bool          // a goroutine delivers
	closed  bool
}

// setPromptLocked says whether anything waits that is soon delivered. A question for
// the listener's place does not wait for anything else.
func (j *Journal) setPromptLocked(prompt bool) {
	j.view.mu.Lock()
	was := j.view.prompt
	j.view.prompt = prompt
	j.view.mu.Unlock()
	if was != prompt {
		j.changedLocked()
	}
}

// tellRoundLocked tells those who wait for a round.
func (v *view) tellRoundLocked() {
	close(v.rounds)
	v.rounds = make(chan struct{})
}

// Status returns the state of this moment.
func (j *Journal) Status() Status {
	j.view.mu.Lock()
	defer j.view.mu.Unlock()
	return j.view.status
}

// Changed returns a channel that is closed at the next change of Status.
func (j *Journal) Changed() <-chan struct{} {
	j.view.mu.Lock()
	defer j.view.mu.Unlock()
	return j.view.changed
}

// changedLocked is called after each change of what waits or is shown.
func (j *Journal) changedLocked() {
	now := Status{
		SetAside: len(j.entries.setAside), OtherUsers: j.otherUsers, Damaged: j.damaged, Recovered: j.recovered, WriteError: j.writeErr,
	}
	if n := len(j.entries.setAside); n > 0 {
		now.SetAsideReason = j.entries.setAside[n-1].Why
	}
	now.Waiting, now.Oldest = j.reports()
	waiting := j.waiting()

	v := &j.view
	v.mu.Lock()
	defer v.mu.Unlock()
	v.status, v.waiting = now, waiting
	close(v.changed)
	v.changed = make(chan struct{})
	closed := false
	select {
	case <-v.idle:
		closed = true
	default:
	}
	if soon := waiting > 0 && v.prompt; soon && closed {
		v.idle = make(chan struct{})
	} else if !soon && !closed {
		close(v.idle)
	}
}

// entry is something that waits to be delivered.
type entry interface {
	order() uint64
	count() int // reports that went into it
	since() time.Time
	item() itemID // whose progress it changes; zero: unknown
	by() *caller
	failed() bool // the server did not take it, or may not know it: it takes turns with those of the others
}
