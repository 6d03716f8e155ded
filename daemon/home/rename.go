package home

import (
	"context"
	"errors"
	"fmt"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
)

// aliases returns the names under which accounts are kept that are called
// otherwise, by what they are called.
func aliases(book *accounts.Book) map[string]string {
	kept := map[string]string{}
	for _, a := range book.All() {
		if a.Alias != "" {
			kept[a.Alias] = a.Name
		}
	}
	return kept
}

// Rename gives an account another name. Keychain, grants, port and history stay as
// they are, since they lie under the name that it began with.
func (h *Home) Rename(ctx context.Context, name, to string) (accounts.Account, error) {
	if err := h.Book.Reload(); err != nil {
		return accounts.Account{}, StateProblem(err)
	}
	a, err := h.accountNamed(name)
	if err != nil {
		return a, err
	}
	a, err = h.Book.Rename(ctx, a.Name, to)
	switch {
	case errors.Is(err, accounts.ErrInvalid):
		return a, problem.Newf(problem.Usage, "choose a name of a to z, 0 to 9 and -, such as home-2",
			"no account can be called %q: a name is 1 to 32 of a to z, 0 to 9 and -, and does not begin with -", to)
	case errors.Is(err, accounts.ErrExists):
		return a, problem.Newf(problem.Usage, "choose another name", "an account is called %s, or was before", to)
	case err != nil:
		return a, StateProblem(err)
	}
	return a, nil
}

// Shown returns the name by which people know the account that is kept under name.
func (h *Home) Shown(name string) string {
	if a, ok := h.Book.Get(name); ok {
		return a.Shown()
	}
	return name
}

// List returns what `account list` shows.
func (h *Home) List() ([]accounts.Account, error) {
	if err := h.Book.Reload(); err != nil {
		return nil, StateProblem(fmt.Errorf("list the accounts: %w", err))
	}
	all := h.Book.All()
	for i := range all {
		all[i] = h.WithPort(all[i])
	}
	return all, nil
}
