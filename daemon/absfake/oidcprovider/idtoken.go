package oidcprovider

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// idClaims are written in this order, so that equal claims give equal strings.
type idClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
}

func (c idClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.ExpiresAt, 0)), nil
}
func (c idClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}
func (c idClaims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (c idClaims) GetIssuer() (string, error)              { return c.Issuer, nil }
func (c idClaims) GetSubject() (string, error)             { return c.Subject, nil }
func (c idClaims) GetAudience() (jwt.ClaimStrings, error)  { return jwt.ClaimStrings{c.Audience}, nil }

func (p *Provider) idToken(u User) string {
	now := time.Now().Unix()
	t := jwt.NewWithClaims(jwt.SigningMethodRS256,
		idClaims{p.cfg.Issuer, u.Subject, p.cfg.ClientID, now, now + int64(tokenLife/time.Second)})
	t.Header["kid"] = keyID
	signed, err := t.SignedString(key())
	if err != nil {
		panic("oidcprovider: sign: " + err.Error()) // an RSA key of 2048 bits signs SHA-256
	}
	return signed
}
