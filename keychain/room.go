package keychain

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"shelfkeeper/daemon/redact"
)

// What a record must have room for beyond what it holds at the sign-in. Without
// it a session could be kept and never be renewed.
const (
	idRoom       = 36 // an id of a session on the server is a UUID
	tokenRoom    = 64 // a token grows when the server is upgraded (a jti) or its user renamed
	passwordRoom = 64 // the next password; bcrypt looks at 72 bytes

	upgradedToken = 300 // one of the two that take a legacy token's place
)

// SizeError is a record that does not fit into every platform's keychain. It
// wraps ErrTooLarge and shows no values.
type SizeError struct {
	Size    int    // in bytes; with room for what comes if Room is set
	Longest string // the longest fields in words
	Room    bool   // the record fits now, and would not while it is in use
	// Password reports that the record would fit if its password were not stored.
	Password bool
}

func (e *SizeError) Error() string {
	need := ""
	if e.Room {
		need = " with room for a renewal and a change of the password"
	}
	return fmt.Sprintf("%v: %d bytes%s, %d fit; %s", ErrTooLarge, e.Size, need, maxRecord, e.Longest)
}

func (e *SizeError) Unwrap() error { return ErrTooLarge }

// CheckRoom returns a *SizeError for a record that would not fit any more once
// the session is renewed or its password changed. Call it before a session, a
// spare or a new password is kept.
func CheckRoom(r Record) error {
	e, err := packShort(largest(r), 9_999)
	if err != nil {
		return err
	}
	if len(e.raw) <= maxRecord {
		return nil
	}
	without := r
	without.Password, without.NewPassword = Password{}, Password{}
	stored := r.Password.IsStored() && CheckRoom(without) == nil
	return &SizeError{Size: len(e.raw), Longest: longest(r), Room: true, Password: stored}
}

// RoomForSpares returns for how many more spares, of that many, r has room.
func RoomForSpares(r Record, wanted int) int {
	for n := range wanted {
		r.AddSpare(another(r.Refresh, n))
		if CheckRoom(r) != nil {
			return n
		}
	}
	return wanted
}

// another returns a token as long as this one, and as hard to pack beside it as the
// server's next one. What differs, times and an id, is at the end of the payload.
func another(token redact.Secret, n int) redact.Secret {
	parts := splitToken(token.Reveal())
	if parts == nil {
		return token
	}
	sum := sha512.Sum512(fmt.Append(nil, n, token.Reveal()))
	end := parts[1][len(parts[1])/2:]
	for i, c := range end {
		if '0' <= c && c <= '9' {
			end[i] = '0' + sum[i%len(sum)]%10
		}
	}
	return redact.New(joinToken(parts[0], parts[1], parts[2]))
}

// largest returns what r grows to at most while it is in use.
func largest(r Record) Record {
	r.Generation = max(r.Generation, 99_999_999)
	r.Previous = redact.Secret{} // encodeRecord does without it
	r.PasswordRefused = true
	r.SessionID, r.Orphan = pad(r.SessionID, idRoom), pad(r.Orphan, idRoom)
	switch {
	case !r.Static.IsEmpty() && r.Password.IsStored(): // a server before 2.26, which may be upgraded
		r.Static = redact.Secret{}
		r.Access, r.Refresh = redact.New(pad("", upgradedToken)), redact.New(pad("", upgradedToken))
	case !r.Static.IsEmpty():
		return r
	}
	r.Access, r.Refresh, r.Spare = longer(r.Access), longer(r.Refresh), longer(r.Spare)
	for i, token := range r.MoreSpares {
		r.MoreSpares[i] = longer(token)
	}
	if !r.NewPassword.IsStored() {
		r.NewPassword = StoredPassword(redact.New(pad("", passwordRoom)))
	}
	r.Intent = &Intent{Since: time.Unix(1<<32, 999_999_999), Attempt: 99_999, Purpose: ChangePassword}
	return r
}

func pad(s string, n int) string { return s + strings.Repeat("x", max(0, n-len(s))) }

// longer returns a token that is longer by tokenRoom. A token of the server's grows
// within, by what cannot be packed.
func longer(token redact.Secret) redact.Secret {
	if token.IsEmpty() {
		return token
	}
	if parts := splitToken(token.Reveal()); parts != nil {
		sum := sha512.Sum512([]byte(token.Reveal()))
		grown := base64.RawURLEncoding.EncodeToString(sum[:])[:tokenRoom*3/4]
		return redact.New(joinToken(parts[0], append(parts[1], grown...), parts[2]))
	}
	return redact.New(token.Reveal() + pad("", tokenRoom))
}
