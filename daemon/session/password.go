package session

import (
	"context"
	"fmt"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
)

// ErrNotChanged is the error of a change after which the password is the old one.
var ErrNotChanged = machine.ErrNotChanged

// ErrChangeUnknown: the server did not answer a change of the password. Which
// one holds is found out as soon as it does.
var ErrChangeUnknown = fmt.Errorf("the server did not say whether the password was changed; Shelfkeeper finds out by itself")

// ChangePassword asks the server for another password and keeps the session
// and, where the old one is stored, the new password. An empty old stands for
// the stored one, and for the empty password where none is stored: a server's
// root user may have that. It returns nil once the change is durable; ErrNotChanged or
// the server's refusal, an *absapi.Error, when the old password holds; and
// ErrChangeUnknown when ctx ended before that was known. It may be called by
// one caller at a time; others get ErrNotChanged.
func (s *Session) ChangePassword(ctx context.Context, old, changed redact.Secret) error {
	if !s.changing.TryLock() {
		return fmt.Errorf("%w: another change is under way", ErrNotChanged)
	}
	defer s.changing.Unlock()
	if _, err := s.Token(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNotChanged, err)
	}
	s.mu.Lock()
	static := s.state.Phase == machine.Static
	if rec := s.state.Record; old.IsEmpty() && !rec.PasswordRefused {
		old = rec.Password.Secret()
	}
	grown := s.state.Record
	s.mu.Unlock()
	grown.NewPassword = keychain.StoredPassword(changed)
	room := keychain.CheckRoom(grown)
	switch {
	case static:
		return fmt.Errorf("%w: the account is signed in with a token", ErrNotChanged)
	case changed == old:
		return fmt.Errorf("%w: the new one must be another", ErrNotChanged)
	case room != nil:
		return fmt.Errorf("%w: %w", ErrNotChanged, room)
	}
	s.handle(machine.ChangeAsked{Old: old, New: changed})
	over := s.await(ctx, func(st machine.State) bool { return st.Change.Wanted == nil && !st.Busy() })
	if !over {
		s.handle(machine.ChangeDropped{})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st := s.state; {
	case st.Record.NewPassword.IsStored() || !over && st.Change.Wanted != nil:
		return ErrChangeUnknown
	case !over:
		return fmt.Errorf("%w: %w", ErrNotChanged, ctx.Err())
	case st.Change.Err != nil && len(findings(st, s.Now())) > 0:
		return fmt.Errorf("%w: %w", st.Change.Err, unavailable(st, s.Now()))
	default:
		return st.Change.Err
	}
}
