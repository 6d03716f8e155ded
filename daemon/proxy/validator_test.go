package proxy_test

import (
	"net/http"
	"testing"

	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// A validator belongs to its caller: the answer that it stands for holds the caller's
// token.
func TestValidatorsBelongToTheirCaller(t *testing.T) {
	const others = "sk_anothergrant"
	w := proxytest.NewWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Etag", `W/"state-1"`)
		if r.Header.Get("If-None-Match") == `W/"state-1"` || r.Header.Get("If-None-Match") == `W/"old", W/"state-1"` {
			rw.WriteHeader(304)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(`{"token":"` + proxytest.Legacy + `"}`))
	})
	w.Grants.Good[others] = true
	as := func(grant string, more ...string) []string {
		if grant == "" {
			return more
		}
		return append([]string{"Authorization", "Bearer " + grant}, more...)
	}
	tags := make(map[string]string)
	for _, grant := range []string{"", proxytest.Grant, others} {
		a := w.Do("GET", "/api/me", as(grant)...)
		if tags[grant] = a.Header.Get("Etag"); a.StatusCode != 200 || tags[grant] == "" {
			t.Fatalf("%s %v", a.Status, a.Header)
		}
	}
	if tags[""] != `W/"state-1"` || tags[""] == tags[others] || tags[others] == tags[proxytest.Grant] {
		t.Errorf("%q", tags)
	}
	for owner, tag := range tags {
		for _, grant := range []string{"", proxytest.Grant, others} {
			want := 200
			if owner == grant {
				want = 304
			}
			for _, sent := range []string{tag, `W/"old", ` + tag, `"x~y", ` + tag} {
				a := w.Do("GET", "/api/me", as(grant, "If-None-Match", sent)...)
				if sent == `W/"old", `+tag && grant != "" {
					continue // the old one names nobody
				}
				if sent[0] == '"' && grant == "" && owner == "" {
					want = 304
				}
				if a.StatusCode != want || a.StatusCode == 304 && a.Header.Get("Etag") != tag {
					t.Errorf("%q presents %s of %q: %s %v", grant, sent, owner, a.Status, a.Header["Etag"])
				}
			}
		}
	}
	// Files are the same for everybody, and keep the server's.
	for _, grant := range []string{"", proxytest.Grant} {
		if a := w.Do("GET", "/api/items/1/cover", as(grant, "If-None-Match", `W/"state-1"`)...); a.StatusCode != 304 ||
			a.Header.Get("Etag") != `W/"state-1"` {
			t.Errorf("%s %v", a.Status, a.Header)
		}
	}
}

// What says that a file can be asked for in parts is true of 304 and 416 too.
func TestAcceptRangesOutlivesEveryStatus(t *testing.T) {
	for status, header := range map[int]string{200: "audio/mpeg", 206: "audio/mpeg", 304: "", 416: "text/html; charset=utf-8"} {
		w := proxytest.NewWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Accept-Ranges", "bytes")
			if rw.Header()["Content-Type"] = nil; header != "" {
				rw.Header().Set("Content-Type", header)
			}
			if status == 206 || status == 416 {
				rw.Header().Set("Content-Range", "bytes 0-0/1")
			}
			rw.WriteHeader(status)
		}, func(c *proxy.Config) {})
		a := w.Do("GET", "/api/items/1/file/2", "Range", "bytes=0-0")
		if a.StatusCode != status || a.Header.Get("Accept-Ranges") != "bytes" ||
			(status == 416) != (a.Header.Get("Content-Range") != "") && status != 206 {
			t.Errorf("%d: %s %v", status, a.Status, a.Header)
		}
	}
}
