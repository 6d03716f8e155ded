package absapi

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// foreignAnswers are what stands between us and ABS in the field. None of them
// is a rejection, whatever was asked.
var foreignAnswers = []struct {
	desc   string
	status int
	header map[string]string
	body   string
	says   string // must be in the evidence
}{
	{"nginx 502", 502, map[string]string{"Server": "nginx/1.27.0", "Content-Type": "text/html"},
		"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad " +
			"Gateway</h1></center>\r\n<hr><center>nginx/1.27.0</center>\r\n</body>\r\n</html>\r\n", "nginx/1.27.0"},
	{"nginx 504", 504, map[string]string{"Server": "nginx", "Content-Type": "text/html"},
		"<html><head><title>504 Gateway Time-out</title></head></html>", "504 Gateway Time-out"},
	{"nginx 400", 400, map[string]string{"Server": "nginx", "Content-Type": "text/html"},
		"<html><head><title>400 Request Header Or Cookie Too Large</title></head></html>", "Too Large"},
	{"Caddy 502", 502, map[string]string{"Server": "Caddy"}, "", "Caddy"},
	{"Traefik 404", 404, map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"},
		"404 page not found\n", "Traefik"},
	{"Traefik 502", 502, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "Bad Gateway", "502"},
	{"Apache 503", 503, map[string]string{"Server": "Apache", "Content-Type": "text/html; charset=iso-8859-1"},
		"<title>503 Service Unavailable</title>", "Apache"},
	{"Cloudflare 521", 521, map[string]string{"Server": "cloudflare", "Cf-Ray": "8f-FRA", "Content-Type": "text/html"},
		"<title>abs.example | 521: Web server is down</title>", "Web server is down"},
	{"Cloudflare 530 tunnel", 530, map[string]string{"Server": "cloudflare", "Cf-Ray": "8f"}, "error code: 1033", "Cloudflare"},
	{"Cloudflare challenge", 403, map[string]string{"Server": "cloudflare", "Cf-Mitigated": "challenge", "Content-Type": "text/html"},
		"<title>Just a moment...</title>", "challenge"},
	{"Cloudflare Access redirect", 302, map[string]string{
		"Location": "https://team.cloudflareaccess.com/cdn-cgi/access/login/abs.example?kid=1&token=secret",
	}, "", "Cloudflare Access"},
	{"Cloudflare Access 401 JSON", 401, map[string]string{"Server": "cloudflare", "Content-Type": "application/json",
		"Cf-Access-Domain": "abs.example"}, `{"error":"Unauthorized","aud":"x"}`, "Cloudflare Access"},
	{"Authelia redirect", 302, map[string]string{"Location": "https://authelia.example/?rd=https%3A%2F%2Fabs.example%2Fauth%2Frefresh",
		"Content-Type": "text/html"}, `<a href="https://authelia.example/">302 Found</a>`, "Authelia"},
	{"Authelia 401", 401, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "401 Unauthorized", "401"},
	{"Authelia 401 with cookie", 401, map[string]string{"Set-Cookie": "authelia_session=x", "Content-Type": "text/plain"},
		"401 Unauthorized", "Authelia"},
	{"authentik redirect", 302, map[string]string{"Location": "/outpost.goauthentik.io/start?rd=x"}, "", "authentik"},
	{"Pangolin page", 200, map[string]string{"Content-Type": "text/html"}, "<title>Pangolin</title>", "Pangolin"},
	{"Tailscale Funnel off", 502, map[string]string{"Content-Type": "text/plain"}, "", "502"},
	{"Tailscale Funnel 404", 404, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "404 page not found\n", "404"},
	{"captive portal page", 200, map[string]string{"Content-Type": "text/html"}, "<html><title>Welcome to Hotel WiFi hotspot</title>",
		"captive portal"},
	{"captive portal redirect", 302, map[string]string{"Location": "http://10.0.0.1/login?mac=aa"}, "", "10.0.0.1/login"},
	{"captive portal 511", 511, nil, "", "captive portal"},
	{"oauth2-proxy 401", 401, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "Unauthorized\n", "401"},
	{"oauth2-proxy 401 JSON", 401, map[string]string{"Content-Type": "application/json"}, "{}", "401"},
	{"oauth2-proxy 403 page", 403, map[string]string{"Content-Type": "text/html"},
		`<form action="/oauth2/start"><button>Sign in with OpenID`, "oauth2-proxy"},
	{"basic auth", 401, map[string]string{"Www-Authenticate": `Basic realm="books"`, "Content-Type": "text/html"},
		"<title>401 Authorization Required</title>", "own password"},
	{"basic auth, ABS's very body", 401, map[string]string{"Www-Authenticate": `Basic realm="x"`}, "Unauthorized", "own password"},
	{"basic auth with ABS's JSON", 401, map[string]string{"Www-Authenticate": "Bearer", "Content-Type": "application/json"},
		`{"error":"Invalid refresh token"}`, "own password"},
	{"HTML 401", 401, map[string]string{"Content-Type": "text/html"}, "Unauthorized", "401"},
	{"JSON 401 of another program", 401, map[string]string{"Content-Type": "application/json"},
		`{"statusCode":401,"message":"Invalid refresh token","error":"Unauthorized"}`, "401"},
	{"JSON 401 with one key more", 401, map[string]string{"Content-Type": "application/json"}, `{"error":"Invalid refresh token","code":7}`,
		"401"},
	{"JSON 401 in another case", 401, map[string]string{"Content-Type": "application/json"}, `{"error":"invalid refresh token"}`, "401"},
	{"JSON 401 without content type", 401, nil, `{"error":"Invalid refresh token"}`, "401"},
	{"JSON 401 as text", 401, map[string]string{"Content-Type": "text/plain"}, `{"error":"Refresh token expired"}`, "401"},
	{"truncated JSON 401", 401, map[string]string{"Content-Type": "application/json"}, `{"error":"Invalid refresh tok`, "401"},
	{"JSON 403 with ABS's text", 403, map[string]string{"Content-Type": "application/json"}, `{"error":"Refresh token expired"}`, "403"},
	{"JSON 401 with a number", 401, map[string]string{"Content-Type": "application/json"}, `{"error":401}`, "401"},
	{"JSON 401 array", 401, map[string]string{"Content-Type": "application/json"}, `["Invalid refresh token"]`, "401"},
	{"empty 401", 401, nil, "", "401"},
	{"unauthorized in lower case", 401, nil, "unauthorized", "401"},
	{"unknown status", 999, map[string]string{"Server": "\x1b[31mred"}, "", "999"},
	{"gone", 410, nil, "", "410"},
	{"no content", 204, nil, "", "204"},
	{"empty 200", 200, nil, "", "200"},
	{"JSON 200 of another program", 200, map[string]string{"Content-Type": "application/json"}, `{"status":"ok"}`, ""},
	{"truncated JSON 200", 200, map[string]string{"Content-Type": "application/json"}, `{"user":{"id":"1","refr`, "200"},
	{"ABS's ping as text", 200, map[string]string{"Content-Type": "text/plain"}, `{"success":true}`, "200"},
	{"JSON null", 200, map[string]string{"Content-Type": "application/json"}, `null`, ""},
}

func TestForeignAnswersAreWeather(t *testing.T) {
	for _, c := range foreignAnswers {
		t.Run(c.desc, func(t *testing.T) {
			for _, o := range []op{opPing, opStatus, opLogin, opRefresh, opLogout, opMe} {
				v, evidence := classify(o, reply{status: c.status, header: headerOf(c.header), body: []byte(c.body)})
				notABS := o == opStatus && v == NotABS && strings.HasPrefix(c.header["Content-Type"], "application/json") && c.status == 200
				if v != Temporary && !notABS {
					t.Errorf("%s: %v (%s)", o, v, evidence)
				}
				if !strings.Contains(evidence, c.says) || evidence == "" {
					t.Errorf("%s: evidence %q does not say %q", o, evidence, c.says)
				}
				if strings.ContainsAny(evidence, "\n\r\x1b") || strings.Contains(evidence, "secret") || len(evidence) > 400 {
					t.Errorf("%s: evidence %q", o, evidence)
				}
			}
		})
	}
}

// Proxies written in Go add a content type to ABS's bare refusal.
func TestRefusalThroughGoProxy(t *testing.T) {
	a := reply{status: 401, header: headerOf(map[string]string{"Content-Type": "text/plain; charset=utf-8", "Via": "1.1 Caddy"}),
		body: []byte("Unauthorized")}
	if v, _ := classify(opLogin, a); v != PasswordRejected {
		t.Errorf("login: %v", v)
	}
	if v, _ := classify(opMe, a); v != TokenRejected {
		t.Errorf("me: %v", v)
	}
}

func TestIncompleteAnswersAreWeather(t *testing.T) {
	whole := reply{status: 401, header: headerOf(map[string]string{"Content-Type": "application/json; charset=utf-8"}),
		body: []byte(`{"error":"Refresh token expired"}`)}
	if v, _ := classify(opRefresh, whole); v != RefreshExpired {
		t.Fatalf("whole answer: %v", v)
	}
	for _, c := range []struct {
		desc string
		spot func(*reply)
	}{
		{"cut", func(a *reply) { a.err = io.ErrUnexpectedEOF }},
		{"too large", func(a *reply) { a.tooLarge = true }},
		{"through a redirect", func(a *reply) { a.elsewhere = true }},
	} {
		a := whole
		c.spot(&a)
		if v, evidence := classify(opRefresh, a); v != Temporary || evidence == "" {
			t.Errorf("%s: %v (%s)", c.desc, v, evidence)
		}
	}
}

func TestSessionAnswers(t *testing.T) {
	access, refresh := mintPair("u1")
	otherAccess, otherRefresh := mintPair("u2")
	for _, c := range []struct {
		desc string
		body string
		want Verdict
	}{
		{"both tokens", sessionBody("u1", access, refresh), Accepted},
		{"refresh token null", sessionBody("u1", access, nil), MissingRefreshToken},
		{"refresh token empty", sessionBody("u1", access, ""), MissingRefreshToken},
		{"2.25: legacy token only", `{"user":{"id":"u1","username":"a","token":"x"}}`, MissingRefreshToken},
		{"access token missing", sessionBody("u1", nil, refresh), Temporary},
		{"swapped", sessionBody("u1", refresh, access), Temporary},
		{"access token twice", sessionBody("u1", access, access), Temporary},
		{"garbage refresh token", sessionBody("u1", access, "garbage"), Temporary},
		{"garbage access token", sessionBody("u1", "a.b.c", refresh), Temporary},
		{"number as token", sessionBody("u1", 7, refresh), Temporary},
		{"refresh token of another user", sessionBody("u1", access, otherRefresh), Temporary},
		{"access token of another user", sessionBody("u1", otherAccess, refresh), Temporary},
		{"no user id", sessionBody("", access, refresh), Temporary},
		{"no user", `{"ok":true}`, Temporary},
		{"user null", `{"user":null}`, Temporary},
		{"array", `[]`, Temporary},
		{"truncated", sessionBody("u1", access, refresh)[:200], Temporary},
		{"two values", sessionBody("u1", access, refresh) + "{}", Temporary},
	} {
		t.Run(c.desc, func(t *testing.T) {
			a := reply{status: 200, header: headerOf(map[string]string{"Content-Type": "application/json; charset=utf-8"}),
				body: []byte(c.body)}
			for _, o := range []op{opLogin, opRefresh} {
				if v, evidence := classify(o, a); v != c.want || (v != Accepted) != (evidence != "") {
					t.Errorf("%s: %v (%s), want %v", o, v, evidence, c.want)
				}
			}
			answer, _, _ := decodeSession(a.body, "")
			if (c.want != Accepted) != (answer == Answer{}) {
				t.Errorf("answer %+v", answer)
			}
		})
	}
}

// Only routes of sign-ins have a limiter of Audiobookshelf's.
func TestTooMany(t *testing.T) {
	for o, want := range map[op]string{opPing: "answered 429 Too Many Requests", opMe: "answered 429 Too Many Requests",
		opRefresh: "too many sign-in requests", opLogin: "too many sign-in requests"} {
		if v, got := classify(o, reply{status: 429}); v != RateLimited || got != want {
			t.Errorf("%v: %v, %s", o, v, got)
		}
	}
}

func TestTransportEvidence(t *testing.T) {
	ca := &x509.Certificate{Issuer: pkix.Name{CommonName: "Home CA"}}
	wrap := func(err error) error { return &url.Error{Op: "Get", URL: "https://h/?token=secret", Err: err} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "no answer came"},
		{wrap(context.DeadlineExceeded), "no answer within the deadline"},
		{wrap(context.Canceled), "the request was given up"},
		{wrap(&net.OpError{Op: "dial", Err: &net.DNSError{Name: "nas.example", IsNotFound: true}}),
			"the name nas.example does not resolve"},
		{wrap(&net.DNSError{Name: "xn--bcher-kva.example", IsNotFound: true}), "the name bücher.example does not resolve"},
		{wrap(&net.OpError{Op: "dial", Err: fmt.Errorf("connect: %w", syscall.ECONNREFUSED)}), "the connection was refused"},
		{wrap(&net.OpError{Op: "read", Err: fmt.Errorf("read: %w", syscall.ECONNRESET)}), "the connection was cut"},
		{wrap(io.EOF), "the connection was cut"},
		{wrap(x509.UnknownAuthorityError{Cert: ca}), "the certificate is not trusted (issued by CN=Home CA)"},
		{wrap(x509.CertificateInvalidError{Cert: ca, Reason: x509.Expired}),
			"the certificate has expired (issued by CN=Home CA)"},
		{wrap(x509.HostnameError{Host: "nas", Certificate: ca}), "the certificate is for another name than nas: it has none"},
		{wrap(http.ErrSchemeMismatch), "no TLS is spoken there: the address is plain http"},
		{wrap(errors.New("odd\n?token=secret")), "odd ?token=[redacted]"},
	} {
		if got := transportEvidence(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
