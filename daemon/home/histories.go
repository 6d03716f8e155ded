package home

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/netmon"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session"
	"shelfkeeper/keychain"
)

// historyDeadline bounds the reading of a small file that another process may
// be writing.
const historyDeadline = 5 * time.Second

// histories are the records of attempts that are open, by account. Their mutex
// is held for no other's and for no call of the vault, since a session may ask
// while it holds its own.
type histories struct {
	mu   sync.Mutex
	open map[string]*history.Log
}

// history returns the one record of attempts of the account.
func (h *Home) history(account string) *history.Log {
	h.histories.mu.Lock()
	defer h.histories.mu.Unlock()
	if l, ok := h.histories.open[account]; ok {
		return l
	}
	path := history.Path(h.Paths.State, account)
	if h.Backend == keychain.Memory {
		path = ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyDeadline)
	defer cancel()
	l, err := history.Open(ctx, path)
	if err != nil {
		h.Log.Warn("record of attempts", "account", account, "reason", err)
	}
	if h.histories.open == nil {
		h.histories.open = map[string]*history.Log{}
	}
	h.histories.open[account] = l
	return l
}

// Entries returns the record of attempts of an account that is here, oldest
// first.
func (h *Home) Entries(account string) []history.Entry {
	a, ok := h.Book.Get(account)
	if !ok {
		return nil
	}
	return h.history(a.Name).Entries()
}

// RecordMachine puts what happened to this machine into the record of an account.
// It is written with the next attempt: it alone is worth no write.
func (h *Home) RecordMachine(account string, e netmon.Event) {
	switch {
	case e.Reason == netmon.Woke && e.Asleep > 0:
		h.history(account).Add(history.Sleep(time.Now(), e.Asleep))
	case e.Reason == netmon.RouteChanged:
		h.history(account).Add(history.Move(time.Now(), e.Online))
	}
}

// forgetHistory removes the record of an account that the user signed out of.
func (h *Home) forgetHistory(ctx context.Context, account string) error {
	l := h.history(account)
	h.histories.mu.Lock()
	delete(h.histories.open, account) // a next sign-in begins anew
	h.histories.mu.Unlock()
	return l.Forget(ctx)
}

// peers are the other accounts on the server of a, as far as this process
// knows their records.
func (h *Home) peers(a accounts.Account) (peers []history.Peer) {
	h.histories.mu.Lock()
	open := make(map[string]*history.Log, len(h.histories.open))
	for name, l := range h.histories.open {
		open[name] = l
	}
	h.histories.mu.Unlock()
	return peersOf(a, h.Book.All(), func(name string) []history.Entry {
		if l, ok := open[name]; ok {
			return l.Entries()
		}
		return nil
	})
}

func peersOf(a accounts.Account, all []accounts.Account, entries func(name string) []history.Entry) (peers []history.Peer) {
	for _, other := range all {
		if other.Name != a.Name && other.Server == a.Server {
			peers = append(peers, history.Peer{Account: other.Name, SameUser: other.UserID == a.UserID && a.UserID != "",
				Entries: entries(other.Name)})
		}
	}
	return peers
}

// AccountHistory is the record of one account, for people who look for the
// cause of a trouble. It holds no secret.
type AccountHistory struct {
	Account string          `json:"account"`
	Loss    *health.Loss    `json:"loss"` // the newest; null for none
	Entries []history.Entry `json:"entries"`
	// Trouble is why there is no more, "" if all could be read.
	Trouble string `json:"trouble,omitempty"`
}

// History reads the records of attempts of every account, or of the named one. It
// needs no daemon and changes nothing.
func History(paths config.Paths, account string) ([]AccountHistory, error) {
	names, err := history.Accounts(paths.State)
	if err != nil {
		return nil, StateProblem(fmt.Errorf("read the records of attempts: %w", err))
	}
	// Without the list of accounts the records still tell most of it.
	var all []accounts.Account
	if book, err := accounts.Open(paths.State); err == nil {
		all = book.All()
	}
	for _, a := range all {
		if !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	shown := func(name string) string {
		if i := slices.IndexFunc(all, func(a accounts.Account) bool { return a.Name == name }); i >= 0 {
			return all[i].Shown()
		}
		return name
	}
	if i := slices.IndexFunc(all, func(a accounts.Account) bool { return a.Alias == account }); i >= 0 && account != "" {
		account = all[i].Name
	}
	if account != "" {
		if !slices.Contains(names, account) {
			return nil, noRecord(account, names)
		}
		names = []string{account}
	}
	read := func(name string) ([]history.Entry, error) {
		return history.Read(history.Path(paths.State, filepath.Base(name)))
	}
	out := []AccountHistory{}
	for _, name := range names {
		entries, err := read(name)
		one := AccountHistory{Account: shown(name), Entries: entries}
		if one.Entries == nil {
			one.Entries = []history.Entry{}
		}
		if err != nil {
			one.Trouble = err.Error()
		}
		i := slices.IndexFunc(all, func(a accounts.Account) bool { return a.Name == name })
		var peers []history.Peer
		if i >= 0 {
			peers = peersOf(all[i], all, func(name string) []history.Entry { entries, _ := read(name); return entries })
		}
		one.Loss = session.Loss(entries, peers)
		out = append(out, one)
	}
	return out, nil
}

// Observe writes down what the server of an account was seen to be, for the
// next start and for commands that find no daemon. What cannot be written is
// tried again at the next change.
func (h *Home) Observe(ctx context.Context, account, version, username string) {
	ctx, cancel := context.WithTimeout(ctx, historyDeadline)
	defer cancel()
	if err := h.Book.Observe(ctx, account, version, username); err != nil && ctx.Err() == nil {
		h.Log.Warn("account", "account", account, "reason", err)
	}
}

func noRecord(account string, known []string) *problem.Problem {
	remedy := "there is none yet"
	if len(known) > 0 {
		remedy = "there are records of " + strings.Join(known, ", ")
	}
	return problem.Newf(problem.Usage, remedy, "no account and no record is called %q", account)
}
