package session

import (
	"context"
	"time"

	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/session/machine"
)

// historyDeadline bounds the wait for another process that writes the same
// small file, and for a slow disk.
const historyDeadline = 10 * time.Second

// repeatsKept is how often a record in which only a count went up is written.
const repeatsKept = time.Hour

// openRecord takes in what earlier processes have recorded.
func (s *Session) openRecord() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.History == nil {
		// Without a path there is no file, and so no error.
		s.History, _ = history.Open(context.Background(), "")
	}
	s.diagnose()
}

// recordStep records what the fact f made of the state before, and what is to be
// thought of it.
func (s *Session) recordStep(before machine.State, f machine.Fact) {
	entries := entriesOf(before, f, s.state, s.Now())
	if len(entries) == 0 || s.History == nil {
		return
	}
	known := len(s.History.Entries())
	for _, e := range entries {
		s.History.Add(e)
	}
	told := s.state.Loss
	s.diagnose()
	if d := s.state.Loss; d != nil && (told == nil || d.Sentence != told.Sentence || !d.At.Equal(told.At)) {
		s.Log.Warn("session lost", "account", s.Account, "at", d.At, "cause", d.Cause, "certain", d.Certain, "reason", d.Sentence)
	}
	if repeats := len(s.History.Entries()) == known; repeats && time.Since(s.recordKept) < repeatsKept {
		return // the same failure once more: an hour offline is one write, and Close writes the rest
	}
	s.recordKept = time.Now()
	s.spawn(s.keepHistory)
}

func (s *Session) diagnose() {
	c := history.Circumstances{Release: releaseOf}
	if s.Peers != nil {
		c.Peers = s.Peers()
	}
	s.state.Loss = nil
	if d, ok := history.Diagnose(s.History.Entries(), c); ok && s.state.Phase != machine.SignedOut {
		s.state.Loss = &d
	}
}

// keepHistory writes the record, even while the program ends: what happened
// last is what a person will ask about.
func (s *Session) keepHistory(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), historyDeadline)
	defer cancel()
	if err := s.History.Save(ctx); err != nil {
		s.Log.Warn("record of attempts", "account", s.Account, "reason", err)
	}
}
