package players

import (
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TokenKind is what a local token is for, as Audiobookshelf names it.
type TokenKind string

// The kinds of local tokens.
const (
	AccessToken  TokenKind = "access"
	RefreshToken TokenKind = "refresh"
	UserToken    TokenKind = "" // user.token, which the server puts into every user object
)

// Lifetimes that local tokens claim. They are hints by which players renew
// them: a token is good while its grant lives, since a player that slept over
// its end is not to notice. Under 2^31 ms, which browsers' timers can count.
const (
	accessLife  = 12 * time.Hour
	refreshLife = 24 * 24 * time.Hour
)

// maxPresented is beyond every token there is, and small enough to be looked
// at without worry.
const maxPresented = 2 << 10

// claims are those of a server's token (abs: server/auth/TokenManager.js), and
// the grant it stands for.
type claims struct {
	UserID   string    `json:"userId"`
	Username string    `json:"username"`
	Type     TokenKind `json:"type,omitempty"`
	Grant    string    `json:"gid"`
	SignIn   string    `json:"sid,omitempty"`
	ID       string    `json:"jti,omitempty"`
	Issued   int64     `json:"iat"`
	Expires  int64     `json:"exp,omitempty"`
}

// The methods of jwt.Claims. None of these times decides anything.
func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
func (c claims) GetIssuer() (string, error)                   { return "", nil }
func (c claims) GetSubject() (string, error)                  { return "", nil }

func sign(key []byte, c claims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(key)
}

// hs256 accepts no other way of signing, above all not "none".
var hs256 = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithStrictDecoding())

// parse returns the claims of a token that was signed with key. Every error
// means that it was not.
func parse(key []byte, token string) (claims, error) {
	var c claims
	if !isJWT(token) {
		return c, errors.New("no token")
	}
	if _, err := hs256.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return claims{}, err
	}
	if c.Grant == "" {
		return claims{}, errors.New("a token of no grant")
	}
	return c, nil
}

// IsToken reports whether presented can only be a token, not a secret.
func IsToken(presented string) bool { return isJWT(presented) }

// isJWT reports whether token has the form of one. A secret has not, and what
// has neither form needs no key to be refused.
func isJWT(token string) bool {
	return len(token) <= maxPresented && strings.HasPrefix(token, "ey") && strings.Count(token, ".") == 2
}
