package home

import (
	"context"
	"slices"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/keychain"
)

// runningDaemon returns what the daemon of this home says of itself; nil where none
// answers.
func (h *Home) runningDaemon(ctx context.Context) *health.Snapshot {
	client := control.DialDaemon(h.Paths.State, ControlPath(h.Paths))
	if h.Control != "" {
		client = control.Dial(h.Control)
	}
	s, err := client.Snapshot(ctx)
	if err != nil {
		return nil
	}
	return &s
}

// accountIn returns an account's part of a snapshot; nil for none.
func accountIn(s *health.Snapshot, name string) *health.Account {
	if s == nil {
		return nil
	}
	i := slices.IndexFunc(s.Accounts, func(a health.Account) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Accounts[i]
}

// sessionSeen gathers what is known of an account's session. No secret leaves it.
func (h *Home) sessionSeen(ctx context.Context, a accounts.Account, daemon *health.Snapshot) *doctor.Session {
	var s doctor.Session
	entries := h.Entries(a.Name)
	if loss := session.Loss(entries, h.peersOnDisk(a)); loss != nil {
		s.Loss = &doctor.Loss{At: loss.At.Time, Cause: history.Cause(loss.Cause), Sentence: loss.Sentence, Remedy: loss.Remedy,
			Recovered: loss.Recovered}
	}
	shown := accountIn(daemon, a.Name)
	if shown != nil && shown.Level == health.NeedsUser {
		s.Trouble, s.Remedy = shown.Reason, shown.Remedy
	}
	rec, read := h.recordSeen(ctx, a)
	switch {
	case read && !rec.Static.IsEmpty(), a.Method == accounts.APIKey, a.Method == accounts.Legacy:
		s.Key = keySeen(a, rec)
	case read:
		s.AccessLife, s.RefreshLife = lifeOf(rec.Access), lifeOf(rec.Refresh)
	default:
		s.RefreshLife = refreshLife(entries)
		if issued := newestIssued(entries); shown != nil && !issued.IsZero() {
			s.AccessLife = max(0, shown.Session.AccessExpiresAt.Sub(issued))
			s.RefreshLife = max(0, shown.Session.RefreshExpiresAt.Sub(issued))
		}
	}
	return &s
}

// peersOnDisk are the other accounts of the server, with their records as they are
// written down.
func (h *Home) peersOnDisk(a accounts.Account) []history.Peer {
	return peersOf(a, h.Book.All(), h.Entries)
}

// recordSeen reads the account's record where that asks nobody for anything.
func (h *Home) recordSeen(ctx context.Context, a accounts.Account) (keychain.Record, bool) {
	if !h.opensByItself() {
		return keychain.Record{}, false
	}
	rec, err := lazyVault{h}.Load(ctx, a.Name)
	return rec, err == nil
}

// opensByItself reports whether the vault opens without a person who types.
func (h *Home) opensByItself() bool {
	_, open := h.Store()
	return open || h.Unattended
}

func keySeen(a accounts.Account, rec keychain.Record) *doctor.Key {
	k := &doctor.Key{Legacy: a.Method == accounts.Legacy}
	if t, err := absapi.ParseToken(rec.Static); err == nil {
		k.Issued, k.Ends, k.Legacy = t.IssuedAt, t.ExpiresAt, t.Type != "api"
	}
	return k
}

// lifeOf is how long a token is good from its issue on; 0 is not known.
func lifeOf(token redact.Secret) time.Duration {
	t, err := absapi.ParseToken(token)
	if err != nil || t.IssuedAt.IsZero() || t.ExpiresAt.IsZero() {
		return 0
	}
	return max(0, t.ExpiresAt.Sub(t.IssuedAt))
}

// refreshLife is how long the newest refresh token lived that was presented.
func refreshLife(entries []history.Entry) time.Duration {
	for _, e := range slices.Backward(entries) {
		if !e.Issued.IsZero() && !e.Ends.IsZero() {
			return e.Ends.Sub(e.Issued)
		}
	}
	return 0
}

func newestIssued(entries []history.Entry) (at time.Time) {
	for _, e := range entries {
		if e.Received.After(at) {
			at = e.Received
		}
	}
	return at
}
