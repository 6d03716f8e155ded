// Package oidcprovider is a small OpenID Connect provider for tests: discovery,
// authorize, token with PKCE, RS256 id tokens with their keys, userinfo and end
// of session. It approves every request at once, for the user it is told, or
// denies it, and keeps a log of what it was asked. It never opens a connection
// and is no place for real secrets.
package oidcprovider

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	keyID     = "k1"
	keyBits   = 2048
	tokenLife = 10 * time.Minute // of id tokens
	codeLife  = time.Minute      // of authorization codes
)

// Config is the client that asks and the user who signs in. Issuer is the
// provider's base URL.
type Config struct {
	Issuer                 string
	ClientID, ClientSecret string
	User                   User // the zero value is the subject "sub-1", "oidcuser"
}

// User is the person who signs in at the provider.
type User struct {
	Subject, Username, Name, Email string
}

// Request is what the provider was asked, as its log keeps it. Secrets are cut.
type Request struct {
	Method, Path  string
	Query, Form   map[string]string
	Authorization string // the scheme, then "<...>"
}

// Provider is an http.Handler, and an http.RoundTripper for clients that live in
// the same process. All methods may be called concurrently.
type Provider struct {
	cfg Config
	mux *http.ServeMux

	mu    sync.Mutex
	deny  bool
	user  User
	codes map[string]grant
	bound map[string]User // access token → user
	log   []Request
}

type grant struct {
	redirect, challenge string
	user                User
	ends                time.Time
}

// key is one for all providers of the process: making one takes a while.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		panic("oidcprovider: make a key: " + err.Error()) // the system's random source cannot fail
	}
	return k
})

// New makes a provider.
func New(cfg Config) *Provider {
	cfg.Issuer = strings.TrimSuffix(cfg.Issuer, "/")
	p := &Provider{cfg: cfg, mux: http.NewServeMux(), codes: map[string]grant{}, bound: map[string]User{}}
	p.SetUser(cfg.User)
	p.mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET /jwks", p.jwks)
	p.mux.HandleFunc("GET /authorize", p.authorize)
	p.mux.HandleFunc("POST /token", p.token)
	p.mux.HandleFunc("GET /userinfo", p.userinfo)
	p.mux.HandleFunc("GET /logout", p.logout)
	return p
}

// SetUser chooses who signs in from now on.
func (p *Provider) SetUser(u User) {
	if u.Subject == "" {
		u.Subject = "sub-1"
	}
	if u.Username == "" {
		u.Username = "oidcuser"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.user = u
}

// Deny makes the provider send everybody back without a code, as after a click
// on Cancel.
func (p *Provider) Deny(deny bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deny = deny
}

// Log is what was asked since the log was last taken.
func (p *Provider) Log() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	log := p.log
	p.log = nil
	return log
}

// ServeHTTP answers at any host and under the path of the issuer.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if base, err := url.Parse(p.cfg.Issuer); err == nil && base.Path != "" {
		http.StripPrefix(base.Path, p.mux).ServeHTTP(w, r)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// RoundTrip answers without a connection.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &memory{header: http.Header{}, status: http.StatusOK}
	p.ServeHTTP(w, r)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// memory is an answer that stays in memory.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memory) Header() http.Header         { return m.header }
func (m *memory) WriteHeader(status int)      { m.status = status }
func (m *memory) Write(b []byte) (int, error) { return m.body.Write(b) }

func (p *Provider) note(r *http.Request) {
	scheme, _, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok {
		scheme += " <...>"
	}
	entry := Request{Method: r.Method, Path: r.URL.Path, Query: flat(r.URL.Query()), Authorization: scheme}
	if r.Method == http.MethodPost {
		entry.Form = flat(r.PostForm)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, entry)
}

func flat(v url.Values) map[string]string {
	out := map[string]string{}
	for k := range v {
		out[k] = v.Get(k)
	}
	return out
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	at := p.cfg.Issuer
	answer(w, http.StatusOK, map[string]any{
		"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "userinfo_endpoint": at + "/userinfo",
		"jwks_uri": at + "/jwks", "end_session_endpoint": at + "/logout", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported": []string{"S256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	public := key().PublicKey
	encode := base64.RawURLEncoding.EncodeToString
	answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

// authorize approves at once: there is nobody to ask.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.note(r)
	q := r.URL.Query()
	to, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("redirect_uri") == "" || q.Get("client_id") != p.cfg.ClientID {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	code := random(8)
	p.mu.Lock()
	deny := p.deny
	if !deny {
		p.codes[code] = grant{redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), user: p.user,
			ends: time.Now().Add(codeLife)}
	}
	p.mu.Unlock()
	back := "code=" + code
	if deny {
		back = "error=access_denied"
	}
	back += "&state=" + url.QueryEscape(q.Get("state"))
	if to.RawQuery != "" {
		back = to.RawQuery + "&" + back
	}
	to.RawQuery = back
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// token takes a code once, from the client that got it, with the verifier to the
// challenge where there was one.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what cannot be read is missing below
	p.note(r)
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id != p.cfg.ClientID || secret != p.cfg.ClientSecret {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	g, known := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	proved := g.challenge == "" || base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
	if !known || !proved || !time.Now().Before(g.ends) || r.PostForm.Get("redirect_uri") != g.redirect {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	access := random(16)
	p.mu.Lock()
	p.bound[access] = g.user
	p.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second), "id_token": p.idToken(g.user),
	})
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.note(r)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	u, ok := p.bound[token]
	p.mu.Unlock()
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	claims := map[string]string{"sub": u.Subject, "preferred_username": u.Username, "name": u.Name, "email": u.Email}
	maps.DeleteFunc(claims, func(_, v string) bool { return v == "" })
	answer(w, http.StatusOK, claims)
}

func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	p.note(r)
	if to := r.URL.Query().Get("post_logout_redirect_uri"); to != "" {
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "signed out"})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone is noticed by net/http
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}
