package proxy_test

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// What the server does not have it says itself; nothing of ours goes along.
func TestUnknownPathsAreTheServers(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.ExpressNotFound)
	for _, path := range []string{"/dev/x", "/audiobookshelfX/api/me", "/evil.example/api/me", "/apix", "/some/page.html",
		"/config/nothing/here"} {
		a := w.Do("GET", path, "Authorization", "Bearer "+proxytest.Grant)
		if a.StatusCode != 404 || a.Header.Get("Shelfkeeper-Reason") != "" {
			t.Errorf("%s: %s %v", path, a.Status, a.Header)
		}
	}
	for _, r := range w.Requests() {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("%s went with %v", r.RequestURI, r.Header)
		}
	}
}

// A share link works as at the server, with the one cookie that it needs.
func TestShareLinks(t *testing.T) {
	const id = "8f14e45f-ceea-467f-a0e6-0b1a2c3d4e5f"
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		switch cookie, err := r.Cookie("share_session_id"); {
		case r.Header.Get("Authorization") != "" && r.URL.Path != "/api/me":
			t.Error("a token went along")
		case r.URL.Path == "/public/share/slug":
			http.SetCookie(rw, &http.Cookie{Name: "share_session_id", Value: id, HttpOnly: true})
			http.SetCookie(rw, &http.Cookie{Name: "connect.sid", Value: "the server's"})
		case r.URL.Path != "/api/me" && (err != nil || cookie.Value != id || len(r.Cookies()) != 1):
			rw.WriteHeader(404)
		}
	})
	first := w.Do("GET", "/public/share/slug")
	cookies := first.Cookies()
	if first.StatusCode != 200 || len(cookies) != 1 || cookies[0].Name == "share_session_id" || cookies[0].Value != id ||
		cookies[0].SameSite != http.SameSiteStrictMode || !cookies[0].HttpOnly {
		t.Fatalf("%s %v", first.Status, first.Header)
	}
	with := cookies[0].Name + "=" + id + "; other=1"
	for _, c := range []struct{ method, path string }{
		{"GET", "/public/share/slug/track/1"}, {"GET", "/public/share/slug/cover"}, {"GET", "/public/share/slug/download"},
		{"PATCH", "/public/share/slug/progress"},
	} {
		if a := w.Do(c.method, c.path, "Cookie", with); a.StatusCode != 200 {
			t.Errorf("%s %s: %s", c.method, c.path, a.Status)
		}
	}
	if a := w.Do("GET", "/public/share/slug/track/1", "Cookie", cookies[0].Name+"=a b"); a.StatusCode != 404 {
		t.Errorf("%s", a.Status)
	}
	if a := w.Do("GET", "/api/me", "Cookie", with); a.StatusCode != 200 {
		t.Errorf("%s", a.Status)
	}
	requests := w.Requests()
	if last := requests[len(requests)-1]; last.Header.Get("Cookie") != "" {
		t.Errorf("the cookie goes elsewhere: %v", last.Header)
	}
}

// Names that the web client writes in base64 reach the server as they were written.
func TestNamesWithSlashes(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("text/plain", "ok"), func(c *proxy.Config) { c.Grants = adminScope{c.Grants} })
	for _, name := range []string{"Noël", "ok?", "п", "Пётр ппп", "???", "a/b", "ÿÿÿ", "plain"} {
		escaped := url.PathEscape(base64.StdEncoding.EncodeToString([]byte(name)))
		for _, c := range []struct{ method, path string }{
			{"DELETE", "/api/tags/" + escaped}, {"DELETE", "/audiobookshelf/api/genres/" + escaped},
			{"PATCH", "/api/libraries/l1/narrators/" + escaped}, {"DELETE", "/api/libraries/l1/narrators/" + escaped + "/"},
		} {
			before := len(w.Requests())
			a := w.Do(c.method, c.path, "Authorization", "Bearer "+proxytest.Grant)
			if a.StatusCode != 200 {
				t.Errorf("%s %s: %s %s", c.method, c.path, a.Status, a.Text)
				continue
			}
			got := w.Requests()[before].RequestURI
			if got != strings.TrimPrefix(c.path, "/audiobookshelf") {
				t.Errorf("%s became %s", c.path, got)
			}
		}
	}
	// The scope holds for them too.
	narrow := proxytest.NewWorld(t, proxytest.Text("text/plain", "ok"))
	if a := narrow.Do("DELETE", "/api/tags/b2s%2F", "Authorization", "Bearer "+proxytest.Grant); a.StatusCode != 403 {
		t.Errorf("%s", a.Status)
	}
}

// A Host without a port, and none at all in HTTP/1.0, is no rebound page's.
func TestHostsWithoutPort(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("text/plain", "ok"))
	for _, request := range []string{
		"GET /api/me HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /api/me HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET /api/me HTTP/1.1\r\nHost: [::1]\r\n\r\n", "GET /api/me HTTP/1.0\r\n\r\n", "GET /api/me HTTP/1.0\r\nHost: LOCALHOST\r\n\r\n",
	} {
		nc, err := net.Dial("tcp", w.Addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(nc, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%q: %v %v", request, resp, err)
		}
		_ = nc.Close()
	}
}
