package proxy_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/proxy/proxytest"
)

// No player gets a gateway's page as an answer of the server. It gets a reason and what
// to do, and an answer of the server's own stays as it is.
func TestGatewaysPagesReachNoPlayer(t *testing.T) {
	const page = "<html><title>Sign in</title></html>"
	html := []string{"Content-Type", "text/html"}
	for _, c := range []struct {
		desc, method, path string
		status             int
		body               string
		header             []string
		want               int
		reason             string // in Shelfkeeper-Reason; "" where the server's answer passes
	}{
		{"520", "GET", "/api/me", 520, page, append(html, "Server", "cloudflare"), 503, "let Cloudflare reach it"},
		{"522", "GET", "/api/me", 522, page, append(html, "Server", "cloudflare"), 503, "Cloudflare"},
		{"530", "GET", "/api/me", 530, "error code: 1033", []string{"Server", "cloudflare"}, 503, "cloudflared"},
		{"502 of Caddy", "GET", "/api/me", 502, "", []string{"Server", "Caddy"}, 503, "start Audiobookshelf"},
		{"a page for JSON", "GET", "/api/libraries", 200, page, html, 503, "sign in to this network"},
		{"a page for a stream", "GET", "/api/items/1/file/2", 200, page, html, 503, "sign in to this network"},
		{"a page for a report", "POST", "/api/session/1/sync", 200, page, html, 503, "sign in to this network"},
		{"a bare 403", "GET", "/api/me", 403, "Forbidden", []string{"Content-Type", "text/plain"}, 503, "--header HEADER"},
		{"a page with 404", "GET", "/api/me", 404, page, append(html, "Server", "nginx"), 503, "sub-folder"},
		{"Traefik", "GET", "/api/me", 404, "404 page not found\n", []string{"Content-Type", "text/plain; charset=utf-8"}, 503, "container"},
		{"Basic", "GET", "/api/me", 401, page, append(html, "Www-Authenticate", `Basic realm="x"`), 503, "--basic USER"},
		{"oauth2-proxy", "GET", "/api/me", 401, "{}", []string{"Content-Type", "application/json"}, 503, "--header HEADER"},
		{"to a sign-in here", "GET", "/api/me", 302, "", []string{"Location", "/oauth2/start?rd=x"}, 503, "oauth2-proxy"},
		{"to a sign-in elsewhere", "GET", "/api/me", 302, "", []string{"Location", "https://login.example/?rd=x&rm=GET"}, 503, "Authelia"},
		{"no client certificate", "GET", "/api/me", 400, "<title>400 No required SSL certificate was sent</title>",
			append(html, "Server", "nginx"), 503, "--client-cert"},
		{"too many requests", "GET", "/api/me", 429, page, append(html, "Server", "nginx", "Retry-After", "7"), 503, "limit_req"},
		{"a large upload", "PATCH", "/api/me/progress/1", 413, page, append(html, "Server", "nginx"), 413, "client_max_body_size"},
		{"511", "GET", "/ping", 511, page, html, 503, "open a browser"},

		{"the server's 403", "GET", "/api/me", 403, "Forbidden", []string{"Content-Type", "text/plain; charset=utf-8",
			"Etag", `W/"9-PatfYBLj4Um1qTm5zrukoLhNyPU"`}, 403, ""},
		{"the server's 404", "GET", "/api/me", 404, "Not Found", []string{"Content-Type", "text/plain; charset=utf-8",
			"Etag", `W/"9-0gXL1ngzMqISxa6S1zx3F4wtLyg"`}, 404, ""},
		{"the server's text that calls itself a page", "POST", "/api/session/local", 500, "Media item not found",
			[]string{"Content-Type", "text/html; charset=utf-8"}, 500, ""},
		{"a page of the web client", "GET", "/library/1", 200, page, html, 200, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := proxytest.NewStage(t, proxytest.Says(c.status, c.body, c.header...))
				rec, broken := g.Play(c.method, c.path, "Authorization", "Bearer "+proxytest.Grant)
				reason := rec.Header().Get("Shelfkeeper-Reason")
				if broken || rec.Code != c.want || (reason == "") != (c.reason == "") || !strings.Contains(reason, c.reason) {
					t.Errorf("%d %q, broken %v", rec.Code, reason, broken)
				}
				if c.reason != "" && (strings.Contains(rec.Body.String(), "<html>") || rec.Header().Get("Location") != "") {
					t.Errorf("%v %s", rec.Header(), rec.Body)
				}
				if (rec.Header().Get("Retry-After") != "") != (rec.Code == 503) {
					t.Errorf("Retry-After %q", rec.Header().Get("Retry-After"))
				}
			})
		})
	}
}

// A gateway that answers /ping itself does not make players think that nobody is there.
func TestPingThroughAGatewayThatAnswersIt(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("text/plain; charset=utf-8", "OK"))
	a := w.Do("GET", "/ping", "Authorization", "Bearer "+proxytest.Grant)
	if a.StatusCode != 200 || a.Text != `{"success":true}` || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s %q %v", a.Status, a.Text, a.Header)
	}
	if a := w.Do("GET", "/healthcheck", "Authorization", "Bearer "+proxytest.Grant); a.StatusCode != 200 || a.Text != "OK" {
		t.Errorf("%s %q", a.Status, a.Text)
	}
}

// An upstream's reason phrase carries no token to a player, whatever the status.
func TestReasonPhraseIsRedacted(t *testing.T) {
	for _, status := range []int{200, 401, 403, 404, 500, 502, 503, 504, 530} {
		for _, method := range []string{"GET", "HEAD", "PATCH"} {
			synctest.Test(t, func(t *testing.T) {
				said := proxytest.Says(status, "", "Server", "nginx", "Content-Type", "text/plain")
				g := proxytest.NewStage(t, func(r *http.Request) (*http.Response, error) {
					resp, err := said(r)
					resp.Status = resp.Status + " token=" + proxytest.Access1 + "\x1b[31m"
					return resp, err
				})
				rec, _ := g.Play(method, "/api/me/progress/1", "Authorization", "Bearer "+proxytest.Grant)
				var head strings.Builder
				_ = rec.Header().Write(&head)
				for _, text := range []string{rec.Result().Status, head.String(), rec.Body.String()} {
					if strings.Contains(text, proxytest.Access1) || strings.Contains(text, "\x1b") {
						t.Errorf("%s %d: %q", method, status, text)
					}
				}
			})
		}
	}
}
