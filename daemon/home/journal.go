package home

import (
	"errors"
	"fmt"
	"path/filepath"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/progress"
)

// JournalDir is where the reports of an account's players wait. It outlives
// the account: they belong to the user, who may sign in again.
func (h *Home) JournalDir(account string) string { return JournalDir(h.Paths.State, account) }

// JournalDir is where reports of an account wait for the server, below a state
// directory.
func JournalDir(state, account string) string { return filepath.Join(state, "progress", account) }

// leftInJournal is what a user who signs out should know of reports that still
// wait; nil where there are none.
func (h *Home) leftInJournal(a accounts.Account) error {
	n, err := progress.Waiting(h.JournalDir(a.Name), a.UserID)
	if err != nil || n == 0 {
		return err
	}
	reports := "1 report of listening"
	if n > 1 {
		reports = fmt.Sprintf("%d reports of listening", n)
	}
	return problem.Newf(problem.Other, "sign in again as "+a.Username+" to have them delivered",
		"signed out; %s had not reached the server, and wait here for this user", reports)
}

// Farewell forgets the pause of an account that is signed out, and returns what
// its user is told: the problem of the sign-out itself, and what is left in the
// journal.
func (h *Home) AfterSignOut(a accounts.Account, told error) error {
	if err := h.Pauses.Set(a.Name, nil); err != nil {
		h.Log.Warn("the account's pause is not forgotten", "account", a.Name, "reason", err)
	}
	return joinProblems(h.leftInJournal(a), told)
}

func joinProblems(kept, told error) error {
	a, b := problem.Of(kept), problem.Of(told)
	if a == nil || b == nil {
		return errors.Join(kept, told)
	}
	return problem.New(b.Code, fmt.Errorf("%w; %w", told, kept), b.Remedy+"; "+a.Remedy)
}
