// Package redact holds Secret, the one type in which a secret travels through
// the program, and Text, which removes tokens from texts of other origin
// (errors of libraries, addresses).
//
// A secret cannot be printed by accident: fmt, slog and encoding/json show
// every Secret as [redacted]. The package does not encrypt and does not erase
// memory.
//
// Begin with New. Only Secret.Reveal returns the secret itself, so a search for Reveal
// finds each place where a secret is used.
package redact

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"unique"
)

// Redacted is what a secret prints as, everywhere.
const Redacted = "[redacted]"

// Secret is an immutable secret string. The zero value is the empty secret.
//
// Secrets compare with ==. The value sits behind an interned pointer, so that
// even fmt, which does not call methods on unexported fields and would show
// their contents, can show no more than an address.
type Secret struct {
	handle unique.Handle[string]
}

// New returns s as a Secret.
func New(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{unique.Make(s)}
}

// Reveal returns the secret itself. Call it only where the secret leaves for
// its destination: a request header, a vault, a comparison.
func (s Secret) Reveal() string {
	if s.IsEmpty() {
		return ""
	}
	return s.handle.Value()
}

// IsEmpty reports whether there is no secret.
func (s Secret) IsEmpty() bool { return s == Secret{} }

// Matches reports whether candidate is the secret, in time that does not
// depend on where they differ. An empty secret matches nothing.
func (s Secret) Matches(candidate string) bool {
	return !s.IsEmpty() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(candidate)) == 1
}

// String returns Redacted, or "" for the empty secret so that absence shows.
func (s Secret) String() string {
	if s.IsEmpty() {
		return ""
	}
	return Redacted
}

// Format prints String for every verb, %#v and %x included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, and with it JSON and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, so that a Secret can be a
// field of a configuration file.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = New(string(b))
	return nil
}
