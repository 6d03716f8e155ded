package absfake

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TokenID is the name by which the ledger knows a token: the beginning of its
// SHA-256, in hexadecimal. Equal strings have equal ids; the token cannot be had
// from it. The empty string has the empty id.
func TokenID(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:8])
}

// claims are the claims of every token of the server, in the order in which the
// server writes them, so that equal claims give equal strings.
// abs: server/auth/TokenManager.js
type claims struct {
	KeyID     string `json:"keyId,omitempty"`
	KeyName   string `json:"name,omitempty"`
	UserID    string `json:"userId,omitempty"`
	Username  string `json:"username,omitempty"`
	ID        string `json:"jti,omitempty"`
	Type      string `json:"type,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	ExpiresAt int64  `json:"exp,omitempty"`
}

func (c claims) GetExpirationTime() (*jwt.NumericDate, error) {
	if c.ExpiresAt == 0 {
		return nil, nil
	}
	return jwt.NewNumericDate(time.Unix(c.ExpiresAt, 0)), nil
}
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)  { return nil, nil }
func (c claims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (c claims) GetIssuer() (string, error)              { return "", nil }
func (c claims) GetSubject() (string, error)             { return "", nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)  { return nil, nil }

// Kinds of tokens, as the ledger names them.
const (
	TokenNone    = ""        // none was presented
	TokenAccess  = "access"  // a short-lived access token
	TokenRefresh = "refresh" // a refresh token
	TokenLegacy  = "legacy"  // the user's token without an end
	TokenExpired = "expired" // ours, of any kind, past its time
	TokenForeign = "foreign" // not signed by this server now
	TokenAPI     = "api"     // an API key
)

var (
	errTokenExpired = errors.New("token expired")
	errTokenInvalid = errors.New("token invalid")
)

// sign mints a token. Zero ttl: one without an end.
func (s *Server) sign(secret []byte, u *user, kind string, ttl time.Duration) string {
	c := claims{UserID: u.id, Username: u.name, Type: kind, IssuedAt: time.Now().Unix()}
	if ttl > 0 {
		c.ExpiresAt = c.IssuedAt + int64(ttl/time.Second)
		if s.facts.jti {
			c.ID = newUUID()
		}
	}
	return signClaims(secret, c)
}

// signKey mints the token that an API key is. Zero seconds: one without an end.
func (s *Server) signKey(k *apiKey, seconds float64) string {
	c := claims{KeyID: k.id, KeyName: k.name, Type: TokenAPI, IssuedAt: k.createdAt.Unix()}
	if seconds > 0 {
		c.ExpiresAt = c.IssuedAt + int64(seconds)
	}
	return signClaims(s.secret, c)
}

func signClaims(secret []byte, c claims) string {
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(secret)
	if err != nil {
		panic(fmt.Sprintf("absfake: sign a token: %v", err)) // HS256 over a byte slice cannot fail
	}
	return signed
}

// parseToken verifies signature and end.
func parseToken(secret []byte, token string) (claims, error) {
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return secret, nil },
		jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}))
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return c, errTokenExpired
	default:
		return c, errTokenInvalid
	}
}

// kindOf names a presented token for the ledger.
func (s *Server) kindOf(token string) string {
	return kindWith(s.currentSecret(), token)
}

func kindWith(secret []byte, token string) string {
	if token == "" {
		return TokenNone
	}
	c, err := parseToken(secret, token)
	switch {
	case errors.Is(err, errTokenExpired):
		return TokenExpired
	case err != nil:
		return TokenForeign
	case c.ExpiresAt == 0 && c.Type == "":
		return TokenLegacy
	default:
		return c.Type
	}
}

func (s *Server) currentSecret() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secret
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b)
}

// namedUUID is the same for the same name, for everything in the sample library.
func namedUUID(name string) string {
	var b [16]byte
	sum := sha256.Sum256([]byte("absfake " + name))
	copy(b[:], sum[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b)
}

func formatUUID(b [16]byte) string {
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
