package absfake

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// providerTimeout is the server's own. abs: server/auth/OidcAuthStrategy.js,
// setHttpOptionsDefaults
const providerTimeout = 10 * time.Second

// maxProviderAnswer bounds what is read of an answer.
const maxProviderAnswer = 1 << 20

var errProvider = errors.New("provider")

// userInfo is what the provider tells of who signed in.
type userInfo struct {
	Subject  string `json:"sub"`
	Username string `json:"preferred_username"`
	Name     string `json:"name"`
}

// askProvider exchanges the code for tokens, verifies the id token and asks for
// the user.
func (s *Server) askProvider(ctx context.Context, code string, flow *oidcFlow) (idToken string, info userInfo, err error) {
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	s.mu.Lock()
	issuer, tokenURL, keysURL, infoURL := s.auth.text("authOpenIDIssuerURL"), s.auth.text("authOpenIDTokenURL"),
		s.auth.text("authOpenIDJwksURL"), s.auth.text("authOpenIDUserInfoURL")
	client, secret := s.auth.text("authOpenIDClientID"), s.auth.text("authOpenIDClientSecret")
	s.mu.Unlock()

	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {flow.redirect}}
	if flow.verifier != "" {
		form.Set("code_verifier", flow.verifier)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", info, fmt.Errorf("exchange the code: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	var got struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	if err := s.outbound(r, &got); err != nil {
		return "", info, fmt.Errorf("exchange the code: %w", err)
	}
	if err := s.verifyIDToken(ctx, got.IDToken, keysURL, issuer, client); err != nil {
		return "", info, err
	}
	if r, err = http.NewRequestWithContext(ctx, http.MethodGet, infoURL, nil); err != nil {
		return "", info, fmt.Errorf("ask for the user: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+got.AccessToken)
	if err := s.outbound(r, &info); err != nil {
		return "", info, fmt.Errorf("ask for the user: %w", err)
	}
	return got.IDToken, info, nil
}

// outbound sends a request of the server's own and decodes the answer.
func (s *Server) outbound(r *http.Request, into any) error {
	if s.cfg.Outbound == nil {
		return fmt.Errorf("%w: no way out", errProvider)
	}
	answer, err := s.cfg.Outbound.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxProviderAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: status %d", errProvider, answer.StatusCode)
	}
	return json.Unmarshal(raw, into)
}

// verifyIDToken checks signature, issuer, audience and time.
func (s *Server) verifyIDToken(ctx context.Context, token, keysURL, issuer, audience string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, keysURL, nil)
	if err != nil {
		return fmt.Errorf("fetch the keys: %w", err)
	}
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	if err := s.outbound(r, &set); err != nil {
		return fmt.Errorf("fetch the keys: %w", err)
	}
	_, err = jwt.Parse(token, func(t *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.Kid != t.Header["kid"] {
				continue
			}
			n, err1 := base64.RawURLEncoding.DecodeString(k.N)
			e, err2 := base64.RawURLEncoding.DecodeString(k.E)
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, errors.Join(err1, err2)
		}
		return nil, fmt.Errorf("%w: no key %v", errProvider, t.Header["kid"])
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience))
	if err != nil {
		return fmt.Errorf("verify the id token: %w", err)
	}
	return nil
}

// getOpenIDConfig asks an issuer for its addresses, for the settings page.
func (s *Server) getOpenIDConfig(w http.ResponseWriter, q *request) {
	if !s.authorise(q) {
		bare(w, q.Request, http.StatusUnauthorized)
		return
	}
	if !admin(w, q) {
		return
	}
	issuer := strings.TrimSuffix(q.URL.Query().Get("issuer"), "/")
	if issuer == "" {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid request. Query param 'issuer' is required")
		return
	}
	ctx, cancel := context.WithTimeout(q.Context(), providerTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid request. Query param 'issuer' is invalid")
		return
	}
	var found map[string]any
	if err := s.outbound(r, &found); err != nil {
		sendText(w, q.Request, http.StatusBadRequest, "Failed to get openid configuration")
		return
	}
	o := object{}
	for _, key := range []string{
		"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint", "jwks_uri",
		"id_token_signing_alg_values_supported",
	} {
		if v, ok := found[key]; ok {
			o = append(o, pair{key, v})
		}
	}
	sendJSON(w, q.Request, http.StatusOK, o)
}
