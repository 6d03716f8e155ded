package players

import (
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TokenKind is the kind of a local token, by its name in Audiobookshelf.
type TokenKind string

// The kinds of local tokens.
const (
	AccessToken  TokenKind = "access"
	RefreshToken TokenKind = "refresh"
	UserToken    TokenKind = "" // user.token, which the server puts into every user object
)

// Lifetimes in local tokens. They only tell players when to renew: a token is valid
// while its grant exists, so that a player that slept too long is not signed out.
// They are below 2^31 ms, the limit of browsers' timers.
const (
	accessLife  = 12 * time.Hour
	refreshLife = 24 * 24 * time.Hour
)

// maxPresented bounds a presented text, in bytes. It is above every real token.
const maxPresented = 2 << 10

// claims are the claims of a server's token (abs: server/auth/TokenManager.js), and
// the grant of the local token.
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

// The methods of jwt.Claims. They return nothing, since these times have no effect.
func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
func (c claims) GetIssuer() (string, error)                   { return "", nil }
func (c claims) GetSubject() (string, error)                  { return "", nil }

func sign(key []byte, c claims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(key)
}

// hs256 accepts no other signing method, above all not "none".
var hs256 = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithStrictDecoding())

// parse returns the claims of a token that was signed with key. An error means that
// it was not.
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

// IsToken reports whether presented has the form of a token and not of a secret.
func IsToken(presented string) bool { return isJWT(presented) }

// isJWT reports whether token has the form of a JWT. A secret has another form, and
// any other text is refused without a key.
func isJWT(token string) bool {
	return len(token) <= maxPresented && strings.HasPrefix(token, "ey") && strings.Count(token, ".") == 2
}
