package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/progress"
)

// lastDelivery is how long signing out waits for reports of listening that can
// still be delivered.
const lastDelivery = 5 * time.Second

// journalPath is where the reports of an account's players wait. It outlives
// the account: they belong to the user, who may sign in again.
func (h *Home) journalPath(account string) string {
	return filepath.Join(h.Paths.State, "progress", account+".db")
}

func (d *desk) newJournal(h *Home, base *url.URL) *progress.Journal {
	return progress.New(progress.Config{
		Path: h.journalPath(d.account.Name), UserID: d.account.UserID, Base: base, Transport: d.lookout, Tokens: held{d.session},
		Identity: func() string { user, _ := d.session.Secrets(); return user },
		Log:      h.Log.With("account", d.account.Name),
	})
}

// watchJournal says what the journal means for the account.
func (d *desk) watchJournal() {
	switch s := d.journal.Status(); {
	case s.WriteError != nil:
		d.board.Raise(&health.ProgressDisk, s.WriteError.Error())
	case s.Damaged != "":
		d.board.Raise(&health.ProgressDamaged, "it is kept as "+s.Damaged)
	default:
		d.board.Clear(&health.ProgressDisk)
	}
}

// progress is the part of the snapshot about reports of listening.
func (d *desk) progress() health.Progress {
	s := d.journal.Status()
	return health.Progress{Waiting: s.Waiting, Oldest: health.At(s.Oldest), SetAside: s.SetAside, SetAsideReason: s.SetAsideReason, OtherUsers: s.OtherUsers}
}

// leaveJournal is what a user who signs out should know of reports that still
// wait; nil where there are none.
func (h *Home) leaveJournal(a accounts.Account) error {
	n, err := progress.Waiting(h.journalPath(a.Name), a.UserID)
	if err != nil || n == 0 {
		return err
	}
	reports := "1 report of listening"
	if n > 1 {
		reports = fmt.Sprintf("%d reports of listening", n)
	}
	return problem.Newf(problem.Other, "sign in again as "+a.Username+" to have them delivered", "signed out; %s had not reached the server, and wait here for this user", reports)
}

// farewell is what a user who has signed out is told, both in one.
func farewell(kept, told error) error {
	a, b := problem.Of(kept), problem.Of(told)
	if a == nil || b == nil {
		return errors.Join(kept, told)
	}
	return problem.New(b.Code, fmt.Errorf("%w; %w", told, kept), b.Remedy+"; "+a.Remedy)
}

// deliverNow gives what waits a last chance before the account has no token
// any more.
func (d *desk) deliverNow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastDelivery)
	defer cancel()
	d.journal.AwaitDelivery(ctx)
}
