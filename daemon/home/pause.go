package home

import (
	"slices"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
)

// PauseOf returns the pause of an account, nil for none.
func (h *Home) PauseOf(account string) *accounts.Pause {
	if p, ok := h.Pauses.Of(account); ok {
		return &p
	}
	return nil
}

// Pause remembers that accounts are paused until a time, zero for until they
// are resumed, and returns which: the one of that name, or for "" all.
func (h *Home) Pause(account string, until time.Time) ([]string, error) {
	return h.setPause(account, &accounts.Pause{Since: time.Now().Truncate(time.Second), Until: until.Truncate(time.Second)})
}

// Resume undoes Pause.
func (h *Home) Resume(account string) ([]string, error) { return h.setPause(account, nil) }

func (h *Home) setPause(account string, pause *accounts.Pause) ([]string, error) {
	var names []string
	for _, a := range h.Book.All() {
		if account == "" || a.Name == account || a.Alias == account {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		return nil, NoSuchAccount(h.Book, account)
	}
	if pause != nil && pause.Over(time.Now()) {
		return nil, problem.Newf(problem.Usage, "give a time in the future", "a pause until %s is over already",
			pause.Until.Local().Format(time.DateTime))
	}
	slices.Sort(names)
	for _, name := range names {
		if err := h.Pauses.Set(name, pause); err != nil {
			return nil, StateProblem(err)
		}
	}
	return names, nil
}
