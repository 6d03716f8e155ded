package oidcprovider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	back      = "http://abs.test/back"
)

func send(t *testing.T, p *Provider, method, at string, form url.Values, secret string) (int, map[string]any, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://provider.test"+at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("abs", secret)
	} else if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	answer, err := p.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&body) // a redirect has none
	return answer.StatusCode, body, answer.Header.Get("Location")
}

// A code works once, for a minute, for its client, address and verifier.
func TestCodes(t *testing.T) {
	for _, c := range []struct {
		desc   string
		change func(url.Values)
		secret string
		wait   time.Duration
		status int
	}{
		{"good", func(url.Values) {}, "sek", 0, 200},
		{"late", func(url.Values) {}, "sek", codeLife, 400},
		{"another secret", func(url.Values) {}, "x", 0, 401},
		{"another verifier", func(f url.Values) { f.Set("code_verifier", "x") }, "sek", 0, 400},
		{"no verifier", func(f url.Values) { f.Del("code_verifier") }, "sek", 0, 400},
		{"another address", func(f url.Values) { f.Set("redirect_uri", "http://x.test") }, "sek", 0, 400},
		{"another code", func(f url.Values) { f.Set("code", "x") }, "sek", 0, 400},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Config{Issuer: "http://provider.test", ClientID: "abs", ClientSecret: "sek"})
				query := url.Values{"client_id": {"abs"}, "redirect_uri": {back}, "state": {"s"}, "code_challenge": {challenge}}
				_, _, to := send(t, p, "GET", "/authorize?"+query.Encode(), nil, "")
				u, err := url.Parse(to)
				if err != nil || !strings.HasPrefix(to, back+"?") || u.Query().Get("state") != "s" {
					t.Fatalf("%q, %v", to, err)
				}
				form := url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {back},
					"code_verifier": {verifier}}
				c.change(form)
				time.Sleep(c.wait)
				status, body, _ := send(t, p, "POST", "/token", form, c.secret)
				if status != c.status {
					t.Fatalf("%d %v", status, body)
				}
				if status != 200 {
					return
				}
				if again, _, _ := send(t, p, "POST", "/token", form, c.secret); again != 400 {
					t.Errorf("the code works again: %d", again)
				}
				access, _ := body["access_token"].(string)
				if status, info, _ := send(t, p, "GET", "/userinfo", nil, access); status != 200 || info["sub"] != "sub-1" {
					t.Errorf("userinfo: %d %v", status, info)
				}
				if status, _, _ := send(t, p, "GET", "/userinfo", nil, "x"); status != 401 {
					t.Errorf("userinfo with another token: %d", status)
				}
				log := p.Log()
				if len(log) != 5 || log[1].Form["code_verifier"] != verifier || log[1].Authorization != "Basic <...>" {
					t.Errorf("the log has %+v", log)
				}
			})
		})
	}
}
