package service

import (
	"context"
	"fmt"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/progress"
)

// lastDelivery is how long signing out waits for reports of listening that can
// still be delivered.
const lastDelivery = 5 * time.Second

func (s *Service) newJournal(dir string) *progress.Journal {
	return progress.New(progress.Config{
		Dir: dir, UserID: s.account.UserID, Base: s.up.Base(), Transport: s.watchdog, Tokens: Tokens{Session: s.session},
		Identity: func() string { user, _ := s.session.Secrets(); return user },
		Log:      s.log,
	})
}

// watchJournal says what the journal means for the account.
func (s *Service) watchJournal() {
	switch now := s.journal.Status(); {
	case now.WriteError != nil:
		s.board.RaiseWith(&health.ProgressDisk, now.WriteError.Error(), progress.Remedy(now.WriteError))
	case now.Damaged != "":
		s.board.Raise(&health.ProgressDamaged, fmt.Sprintf("the damaged one is kept as %s, and what could be read of it goes on: %s",
			now.Damaged, countOf(now.Recovered, "entry", "entries")))
	default:
		s.board.Clear(&health.ProgressDisk)
	}
}

// progress is the part of the snapshot about reports of listening.
func (s *Service) progress() health.Progress {
	now := s.journal.Status()
	return health.Progress{Waiting: now.Waiting, Oldest: health.At(now.Oldest), SetAside: now.SetAside,
		SetAsideReason: now.SetAsideReason, OtherUsers: now.OtherUsers}
}

// DeliverNow gives what waits a last chance before the account has no token
// any more.
func (s *Service) DeliverNow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastDelivery)
	defer cancel()
	s.journal.AwaitDelivery(ctx)
}

// countOf is a number with its noun.
func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
