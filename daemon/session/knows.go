package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
)

// Knows reports whether username and password are those that are stored for
// the account, so that a person can type on this machine what the server would
// take. It tells nothing by the time it takes. Without a stored password, or
// with one that the server refused, it is never true.
func (s *Session) Knows(username, password string) bool {
	s.mu.Lock()
	rec := s.state.Record
	s.mu.Unlock()
	// User names do not differ by case (measured on 2.26.3 to 2.36.0).
	name := same(strings.ToLower(username), strings.ToLower(rec.Username))
	secret := same(password, rec.Password.Secret().Reveal())
	return name&secret == 1 && rec.Password.IsStored() && rec.Username != "" && !rec.PasswordRefused && !rec.Tombstone
}

// same compares hashes, so that lengths do not show either.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// RefreshTokens returns the tokens by which the server tells our sessions from
// the user's others: first that of the session itself, then the spares'. They
// are for the server alone.
func (s *Session) RefreshTokens() (own []redact.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Published.Generation == 0 || s.state.Phase == machine.Static {
		return nil
	}
	for _, token := range append([]redact.Secret{s.state.Published.Pair.Refresh.Secret}, s.state.Record.Spares()...) {
		if !token.IsEmpty() {
			own = append(own, token)
		}
	}
	return own
}
