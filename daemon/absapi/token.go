package absapi

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"shelfkeeper/daemon/redact"
)

// maxToken bounds what is decoded at all. ABS's own tokens are below 400
// bytes, and Node refuses a request whose headers exceed 16 KiB.
const maxToken = 8 << 10

// ErrNotToken is wrapped by every error of ParseToken.
var ErrNotToken = errors.New("not an Audiobookshelf token")

// Token is an ABS JWT and what it says about itself. Nothing in it is
// verified: the key is the server's.
type Token struct {
	Secret redact.Secret
	// UserID is empty for an API key, whose ID is the key's id and whose
	// Username is the key's name.
	UserID, Username string
	// Type is "access", "refresh" or "api"; empty for the legacy token.
	Type string
	// ID is the jti of servers from 2.35.1 on; older ones send none, so tokens
	// are not unique there.
	ID string
	// IssuedAt is zero if the token does not say when it was made.
	IssuedAt time.Time
	// ExpiresAt is zero for a token that never expires.
	ExpiresAt time.Time
}

// TokenPair is an access token and the refresh token that came with it.
type TokenPair struct{ Access, Refresh Token }

// claims are those of abs: server/auth/TokenManager.js, and of API keys in
// server/models/ApiKey.js.
type claims struct {
	UserID   string `json:"userId"`
	Username string `json:"username"`
	KeyID    string `json:"keyId"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	jwt.RegisteredClaims
}

// ParseToken decodes an ABS token without verifying it. It refuses what no ABS
// issues, so that a page or a foreign token is never stored in its place.
func ParseToken(secret redact.Secret) (Token, error) {
	raw := secret.Reveal()
	switch {
	case raw == "":
		return Token{}, fmt.Errorf("%w: it is empty", ErrNotToken)
	case len(raw) > maxToken:
		return Token{}, fmt.Errorf("%w: %d bytes are too many", ErrNotToken, len(raw))
	case !isHeaderSafe(raw):
		return Token{}, fmt.Errorf("%w: it holds characters that no token has", ErrNotToken)
	}
	var c claims
	// The library's error may quote the token, so it is not wrapped.
	if _, _, err := jwt.NewParser().ParseUnverified(raw, &c); err != nil {
		return Token{}, fmt.Errorf("%w: it does not decode", ErrNotToken)
	}
	t := Token{Secret: secret, UserID: c.UserID, Username: c.Username, Type: c.Type, ID: c.ID}
	switch {
	case c.UserID == "" && c.KeyID == "":
		return Token{}, fmt.Errorf("%w: it names no user", ErrNotToken)
	case c.UserID == "":
		t.ID, t.Username = c.KeyID, c.Name
	}
	t.IssuedAt, t.ExpiresAt = timeOf(c.IssuedAt), timeOf(c.ExpiresAt)
	if s := c.ExpiresAt; s != nil && s.Unix() < 0 && s.Unix() > -1<<53 {
		t.ExpiresAt = time.Unix(0, 0).UTC() // the server finds that it has ended
	}
	return t, nil
}

// isHeaderSafe reports whether s consists of base64url and dots. Go's decoder
// skips line breaks, which must never reach a header.
func isHeaderSafe(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// timeOf returns the claim's time, zero for none and for one that no clock
// reaches, such as one in milliseconds: by its own reckoning the server then
// takes the token for ever.
func timeOf(d *jwt.NumericDate) time.Time {
	if d == nil {
		return time.Time{}
	}
	s := d.Unix()
	if s < 0 || s > 253402300799 { // 9999-12-31T23:59:59Z
		return time.Time{}
	}
	return d.UTC()
}
