package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"shelfkeeper/daemon/proxy/proxytest"
)

// TestAttacks: none of these reaches the server.
func TestAttacks(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("application/json", `{}`))
	w.Grants.Revoke("sk_revoked")
	port := w.Addr[strings.LastIndex(w.Addr, ":")+1:]
	get := func(target string, header ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: {host}\r\n" + strings.Join(header, "\r\n") + "\r\n\r\n"
	}
	host := func(h string) string { return "GET /api/me HTTP/1.1\r\nHost: " + h + "\r\n\r\n" }
	for _, c := range []struct {
		desc, raw string
		status    int
		name      string // of the refusal, "" where net/http refuses
	}{
		{"rebinding: a name", host("evil.example"), 421, "wrong-host"},
		{"rebinding: a name with our port", host("evil.example:" + port), 421, "wrong-host"},
		{"rebinding: a name that begins like ours", host("localhost.evil.example:" + port), 421, "wrong-host"},
		{"rebinding: 127.0.0.1.nip.io", host("127.0.0.1.nip.io:" + port), 421, "wrong-host"},
		{"other loopback address", host("127.0.0.2:" + port), 421, "wrong-host"},
		{"other spelling of it", host("127.1:" + port), 421, "wrong-host"},
		{"0.0.0.0", host("0.0.0.0:" + port), 421, "wrong-host"},
		{"other port", host("127.0.0.1:1"), 421, "wrong-host"},
		{"no port, another name", host("localhost.evil.example"), 421, "wrong-host"},
		{"no port, 127.0.0.2", host("127.0.0.2"), 421, "wrong-host"},
		{"dot at the end", host("localhost.:" + port), 421, "wrong-host"},
		{"user in the host", host("evil@127.0.0.1:" + port), 400, ""},
		{"empty host", host(""), 421, "wrong-host"},
		{"no host, HTTP/1.0, but a page", "GET /api/me HTTP/1.0\r\nOrigin: http://evil.example\r\n\r\n", 403, "other-origin"},
		{"no host, HTTP/1.1", "GET /api/me HTTP/1.1\r\n\r\n", 400, ""},
		{"two hosts", "GET /api/me HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n", 400, ""},

		{"absolute form, other host", get("http://evil.example/api/me"), 400, "bad-target"},
		{"absolute form, our host", get("http://" + w.Addr + "/api/me"), 400, "bad-target"},
		{"CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n", 400, "bad-target"},
		{"TRACE", "TRACE /api/me HTTP/1.1\r\nHost: {host}\r\n\r\n", 405, "bad-method"},
		{"made-up method", "GETX /api/me HTTP/1.1\r\nHost: {host}\r\n\r\n", 405, "bad-method"},
		{"lower-case method", "get /api/me HTTP/1.1\r\nHost: {host}\r\n\r\n", 405, "bad-method"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n", 400, "bad-target"},
		{"preflight", "OPTIONS /api/me HTTP/1.1\r\nHost: {host}\r\nOrigin: http://evil.example\r\n\r\n", 403, "other-origin"},
		{"preflight of our own", "OPTIONS /api/me HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\r\n", 404, "not-there"},
		{"two lengths", "POST /api/authorize HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, ""},
		{"bad chunk", "POST /api/authorize HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, ""},
		{"folded header", "GET /api/me HTTP/1.1\r\nHost: {host}\r\n X: y\r\n\r\n", 400, ""},
		{"space before the colon", "GET /api/me HTTP/1.1\r\nHost: {host}\r\nAuthorization : Bearer x\r\n\r\n", 400, ""},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405, "bad-method"},

		{"origin of another site", get("/api/me", "Origin: http://evil.example"), 403, "other-origin"},
		{"origin of another port", get("/api/me", "Origin: http://127.0.0.1:1"), 403, "other-origin"},
		{"origin of the other name", get("/api/me", "Origin: http://localhost:"+port), 403, "other-origin"},
		{"origin with https", get("/api/me", "Origin: https://{host}"), 403, "other-origin"},
		{"null origin", get("/api/me", "Origin: null"), 403, "other-origin"},
		{"two origins", get("/api/me", "Origin: http://{host}", "Origin: http://evil.example"), 403, "other-origin"},
		{"origin and a wrong grant", get("/api/me?token=sk_wrong", "Origin: http://evil.example"), 401, "bad-grant"},
		{"origin and an empty grant", get("/api/me?token=", "Origin: http://evil.example", "Authorization: Bearer "), 403, "other-origin"},
		{"origin and a real token", get("/api/me", "Origin: http://evil.example", "Authorization: Bearer "+proxytest.Access1), 401, "bad-grant"},
		{"cross-site and a wrong grant", get("/api/me?token=sk_wrong", "Sec-Fetch-Site: cross-site"), 401, "bad-grant"},
		{"preflight of a page", "OPTIONS /api/me HTTP/1.1\r\nHost: {host}\r\nOrigin: http://evil.example\r\n" +
			"Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization\r\n\r\n", 403, "other-origin"},
		{"cross-site image", get("/api/items/1/cover", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image", "Sec-Fetch-Mode: no-cors"),
			403, "other-origin"},
		{"same-site fetch from another port", get("/api/me", "Sec-Fetch-Site: same-site"), 403, "other-origin"},
		{"cross-site link", get("/", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"), 403, "other-origin"},
		{"foreign referer", get("/api/items/1/cover", "Referer: http://evil.example/x"), 403, "other-origin"},
		{"referer of another port", get("/api/items/1/cover", "Referer: http://127.0.0.1:1/"), 403, "other-origin"},
		{"referer that is none", get("/api/items/1/cover", "Referer: %zz"), 403, "other-origin"},

		{"double slash before what is not allowed", get("//api//users"), 403, "not-in-scope"},
		{"many slashes before the sign-in", get("///auth/openid/callback"), 501, "no-openid"},
		{"double slash and dots", get("//api//..//users"), 400, "bad-path"},
		{"double slash and escaped slash", get("//api/items/%2f%2fusers"), 400, "bad-path"},
		{"double slash before a backslash", get(`//\evil.example/`), 400, "bad-path"},
		{"dots", get("/api/items/../me"), 400, "bad-path"},
		{"dots at the end", get("/api/me/.."), 400, "bad-path"},
		{"one dot", get("/api/./me"), 400, "bad-path"},
		{"dots and a parameter", get("/api/items/..;/users"), 400, "bad-path"},
		{"escaped dots", get("/api/items/%2e%2e/users"), 400, "bad-path"},
		{"half-escaped dots", get("/api/items/.%2E/users"), 400, "bad-path"},
		{"escaped slash", get("/api/items%2f..%2fusers"), 400, "bad-path"},
		{"escaped backslash", get("/api/items/x%5cusers"), 400, "bad-path"},
		{"backslash", get(`/api/items/..\users`), 400, "bad-path"},
		{"double escape", get("/api/items/%252e%252e/users"), 400, "bad-path"},
		{"escaped NUL", get("/api/me%00"), 400, "bad-path"},
		{"escaped line end", get("/api/items/%0d%0aX:y"), 400, "bad-path"},
		{"escaped question mark", get("/api/items/x%3fy"), 400, "bad-path"},
		{"bad escape", get("/api/%zz"), 400, ""},
		{"invalid UTF-8", get("/api/items/%ff"), 400, "bad-path"},
		{"half a character", get("/api/items/%c3"), 400, "bad-path"},
		{"overlong slash", get("/api/items/%c0%afusers"), 400, "bad-path"},
		{"escaped slash in a name, and dots", get("/api/tags/..%2f..%2fusers"), 400, "bad-path"},
		{"escaped slash in a name, escaped dots", get("/api/tags/%2e%2e%2fusers"), 400, "bad-path"},
		{"escaped slash before the last segment", get("/api/libraries/a%2Fb/narrators/c"), 400, "bad-path"},
		{"escaped slash elsewhere", get("/api/items/a%2Fb"), 400, "bad-path"},
		{"a name that is more than one", get("/api/tags%2Fb2s"), 400, "bad-path"},
		{"control character", get("/api/\x01me"), 400, ""},

		{"wrong bearer", get("/api/me", "Authorization: Bearer sk_wrong"), 401, "bad-grant"},
		{"revoked grant", get("/api/me", "Authorization: Bearer sk_revoked"), 401, "bad-grant"},
		{"real token as bearer", get("/api/me", "Authorization: Bearer "+proxytest.Access1), 401, "bad-grant"},
		{"wrong token", get("/api/me?token=sk_wrong"), 401, "bad-grant"},
		{"escaped key, wrong token", get("/api/me?%74oken=sk_wrong"), 401, "bad-grant"},
		{"good and wrong token", get("/api/me?token=" + proxytest.Grant + "&token=sk_wrong"), 401, "bad-grant"},
		{"good bearer, wrong token", get("/api/me?token=sk_wrong", "Authorization: Bearer "+proxytest.Grant), 401, "bad-grant"},
		{"wrong bearer, good token", get("/api/me?token="+proxytest.Grant, "Authorization: Bearer sk_wrong"), 401, "bad-grant"},
		{"two bearers", get("/api/me", "Authorization: Bearer "+proxytest.Grant, "Authorization: Bearer sk_wrong"), 401, "bad-grant"},
		{"basic", get("/api/me", "Authorization: Basic ZGVtbzpkZW1v"), 401, "bad-grant"},
		{"basic beside a good bearer", get("/api/me", "Authorization: Bearer "+proxytest.Grant, "Authorization: Basic ZGVtbzpkZW1v"), 401,
			"bad-grant"},
		{"bad escape in the token", get("/api/me?token=%zz"), 401, "bad-grant"},

		{"upgrade", get("/socket.io/?EIO=4&transport=websocket", "Connection: Upgrade", "Upgrade: websocket"), 501, "no-socket"},
		{"upgrade elsewhere", get("/api/me", "Connection: Upgrade", "Upgrade: websocket"), 501, "no-upgrade"},
		{"upgrade to h2c", get("/api/me", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"), 501, "no-upgrade"},
		{"polling", get("/socket.io/?EIO=4&transport=polling"), 501, "no-socket"},
		{"polling, other case", get("/AudioBookShelf/Socket.IO?EIO=4"), 404, "no-socket-path"},
		{"login", "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", 501, "no-sign-in"},
		{"login, other case and slash", "POST /LOGIN/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", 501, "no-sign-in"},
		{"login, base path", "POST /audiobookshelf/login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", 501, "no-sign-in"},
		{"refresh", "POST /auth/refresh HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", 501, "no-sign-in"},
		{"logout of all", "POST /logout?allDevices=1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", 501, "no-sign-in"},
		{"init", "POST /init HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", 501, "no-sign-in"},
		{"openid", get("/auth/openid/callback?code=x"), 501, "no-openid"},
		{"password", "PATCH /API/me/PASSWORD/ HTTP/1.1\r\n" +
			"Host: {host}\r\nContent-Length: 0\r\n\r\n", 403, "not-in-scope"},
		{"ending a session", "DELETE /api/me/sessions/1 HTTP/1.1\r\nHost: {host}\r\n\r\n", 403, "not-in-scope"},
		{"a session", "DELETE /api/me/sessions/1 HTTP/1.1\r\nHost: {host}\r\n\r\n", 403, "not-in-scope"},

		{"users", get("/api/users"), 403, "not-in-scope"},
		{"users, other case and slash", get("/API/Users/"), 403, "not-in-scope"},
		{"users, escaped letter", get("/api/%75sers"), 403, "not-in-scope"},
		{"users, base path", get("/audiobookshelf/api/users"), 403, "not-in-scope"},
		{"users, doubled base path", get("/audiobookshelf/audiobookshelf/api/me"), 404, "not-there"},
		{"sign-in under a doubled base path", get("/audiobookshelf/AudioBookshelf/auth/openid"), 404, "not-there"},
		{"escaped base path", get("/%61udiobookshelf/api/me"), 404, "not-there"},
		{"API keys with a grant", get("/api/api-keys", "Authorization: Bearer "+proxytest.Grant), 403, "not-in-scope"},
		{"settings with a grant", "PATCH /api/settings?token=" + proxytest.Grant + " HTTP/1.1\r\n" +
			"Host: {host}\r\nContent-Length: 0\r\n\r\n", 403, "not-in-scope"},
		{"backups", get("/api/backups/1/apply"), 403, "not-in-scope"},
		{"a GET that changes", get("/api/libraries/1/matchall"), 403, "not-in-scope"},
		{"deleting an item", "DELETE /api/items/1 HTTP/1.1\r\nHost: {host}\r\n\r\n", 403, "not-in-scope"},
		{"item's cover by POST", "POST /api/items/1/cover HTTP/1.1\r\n" +
			"Host: {host}\r\nContent-Length: 0\r\n\r\n", 403, "not-in-scope"},
		{"upload", "POST /api/upload HTTP/1.1\r\n" +
			"Host: {host}\r\nContent-Length: 0\r\n\r\n", 403, "not-in-scope"},
		{"unknown", get("/api/nope"), 404, "not-there"},
		{"unknown, to write", "POST /nowhere HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", 404, "not-there"},
		{"a method that it does not have", get("/api/authorize"), 404, "not-there"},
		{"method override", "POST /api/me HTTP/1.1\r\nHost: {host}\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n\r\n", 404,
			"not-there"},
		{"huge cookies", get("/api/me", "Cookie: a="+strings.Repeat("x", 80<<10)), 431, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			before := w.Server.Stats().Refused[c.name]
			got := w.Raw(c.raw)
			if len(got) == 0 {
				t.Fatal("no answer")
			}
			a := got[0]
			if a.StatusCode != c.status {
				t.Errorf("status %s, want %d: %s", a.Status, c.status, a.Text)
			}
			if a.Header.Get("WWW-Authenticate") != "" || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("header %v", a.Header)
			}
			if c.name != "" && w.Server.Stats().Refused[c.name] != before+1 {
				t.Errorf("not counted as %s: %v", c.name, w.Server.Stats().Refused)
			}
			if seen := w.Requests(); len(seen) > 0 {
				t.Fatalf("reached the server: %s %s", seen[0].Method, seen[0].RequestURI)
			}
		})
	}
}

// A request that hides in another's body is the body, or a request that meets
// every guard itself.
func TestSmuggling(t *testing.T) {
	hidden := "DELETE /api/users/1 HTTP/1.1\r\nHost: {host}\r\n\r\n"
	for desc, raw := range map[string]string{
		"length hides it": "POST /api/authorize HTTP/1.1\r\nHost: {host}\r\nContent-Length: 57\r\n\r\n" + hidden,
		"chunks beat length": "POST /api/authorize HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a GET with a body": "GET /api/me HTTP/1.1\r\nHost: {host}\r\nContent-Length: 57\r\n\r\n" + hidden,
		"pipelined":         "GET /api/me HTTP/1.1\r\nHost: {host}\r\n\r\n" + hidden,
		"a chunk extension": "POST /api/authorize HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"1;x=\"\r\n\r\n\"\r\na\r\n0\r\n\r\n" + hidden,
	} {
		t.Run(desc, func(t *testing.T) {
			w := proxytest.NewWorld(t, proxytest.Text("application/json", `{}`))
			w.Raw(raw)
			for _, r := range w.Requests() {
				if r.Method == http.MethodDelete {
					t.Errorf("%s %s came through", r.Method, r.RequestURI)
				}
				if len(r.TransferEncoding) > 0 && r.ContentLength > 0 {
					t.Error("two framings went upstream")
				}
			}
		})
	}
}

// A grant that is revoked is void within the connection too.
func TestRevokedWithinAConnection(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("application/json", `{}`))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i, want := range []int{200, 401} {
		r, err := http.NewRequest("GET", "http://"+w.Addr+"/api/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+proxytest.Grant)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("request %d: %s", i, resp.Status)
		}
		w.Grants.Revoke(proxytest.Grant)
	}
}
