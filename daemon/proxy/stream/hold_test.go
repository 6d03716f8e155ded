package stream_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/proxy/stream"
)

func TestHold(t *testing.T) {
	type answers = []func(*http.Request) (*http.Response, error)
	ok := proxytest.Says(200, `{"a":1}`, "Content-Type", "application/json")
	gone := answers{proxytest.RefusedDial}
	soon := answers{proxytest.RefusedDial, proxytest.Says(502, "bad"), proxytest.Says(503, ""), proxytest.Says(504, ""), ok}
	untrusted := func(*http.Request) (*http.Response, error) {
		return nil, &tls.CertificateVerificationError{Err: errors.New("expired")}
	}
	cut := func(r *http.Request) (*http.Response, error) {
		resp, err := proxytest.Whole(4)(r)
		resp.Header = http.Header{"Content-Type": {"application/json"}}
		resp.ContentLength = 1000
		return resp, err
	}
	for _, c := range []struct {
		desc, method, path, body string
		answers                  answers
		status, asked            int
		held                     bool
	}{
		{"GET", "GET", "/api/me", "", soon, 200, 5, true},
		{"HEAD", "HEAD", "/api/me", "", soon, 200, 5, true},
		{"GET, for good", "GET", "/api/me", "", gone, 503, -1, true},
		{"a small answer that breaks off", "GET", "/api/me", "", answers{cut, cut, ok}, 200, 3, true},
		{"a POST that only reads", "POST", "/api/items/batch/get", "{}", soon, 200, 5, true},
		{"play", "POST", "/api/items/1/play", "{}", soon, 200, 5, true},
		{"sync, which counts each time", "POST", "/api/session/1/sync", "{}", soon, 503, 1, false},
		{"a bookmark", "POST", "/api/me/item/1/bookmark", "{}", soon, 503, 1, false},
		{"ping, by which programs find out", "GET", "/ping", "", soon, 503, 1, false},
		{"status", "GET", "/audiobookshelf/status", "", soon, 503, 1, false},
		{"a gateway that asks for two minutes", "GET", "/api/me", "", answers{proxytest.Says(503, "", "Retry-After", "120"), ok}, 503, 1, false},
		{"a gateway that asks for a second", "GET", "/api/me", "", answers{proxytest.Says(503, "", "Retry-After", "1"), ok}, 200, 2, true},
		{"a certificate that is not trusted", "GET", "/api/me", "", answers{untrusted, ok}, 503, 1, false},
		{"a gateway's own sign-in", "GET", "/api/me", "", answers{proxytest.Says(401, "who?"), ok}, 503, 1, false},
		{"not found is an answer", "GET", "/api/items/9", "", answers{proxytest.Says(404, "Not Found"), ok}, 404, 1, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := proxytest.NewStage(t, c.answers...)
				rec := httptest.NewRecorder()
				broken := g.Serve(t.Context(), rec, c.method, c.path, c.body, "Content-Type", "application/json")
				if broken || rec.Code != c.status || c.asked >= 0 && len(g.Asked) != c.asked {
					t.Errorf("%d after %d requests in %v, broken %v: %s", rec.Code, len(g.Asked), g.Took(), broken, rec.Body)
				}
				if rec.Code == 200 && c.method != "HEAD" && rec.Body.String() != `{"a":1}` {
					t.Errorf("body %s", rec.Body)
				}
				if held := g.Server.Stats().Held; (held == 1) != c.held {
					t.Errorf("held %d", held)
				}
				if g.Took() > stream.HoldFor || c.asked < 0 && g.Took() < stream.HoldFor {
					t.Errorf("took %v", g.Took())
				}
				if c.status == 503 && (rec.Header().Get("Retry-After") == "" || strings.Contains(c.desc, "two minutes") &&
					rec.Header().Get("Retry-After") != "120") {
					t.Errorf("header %v", rec.Header())
				}
			})
		})
	}
}

// The body of a held request is sent whole each time.
func TestHeldBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies := 0
		read := func(status int) func(*http.Request) (*http.Response, error) {
			return func(r *http.Request) (*http.Response, error) {
				b := make([]byte, 100)
				n, _ := r.Body.Read(b)
				if string(b[:n]) == `{"x":1}` {
					bodies++
				}
				return proxytest.Says(status, "")(r)
			}
		}
		g := proxytest.NewStage(t, read(502), read(502), read(200))
		rec := httptest.NewRecorder()
		if g.Serve(t.Context(), rec, "POST", "/api/items/1/play", `{"x":1}`); rec.Code != 200 || bodies != 3 {
			t.Errorf("%d, %d bodies", rec.Code, bodies)
		}
	})
}

// A wake ends the waiting of what is held.
func TestWakeHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := proxytest.NewStage(t, proxytest.RefusedDial, proxytest.RefusedDial, proxytest.RefusedDial, proxytest.RefusedDial,
			proxytest.RefusedDial, proxytest.RefusedDial, proxytest.Says(200, "x"))
		timer := time.AfterFunc(wakeAfter, func() { g.Server.Wake("cable plugged in") })
		defer timer.Stop()
		if rec, broken := g.Play("GET", "/api/me"); broken || rec.Code != 200 || g.Took() != wakeAfter {
			t.Errorf("%d after %v", rec.Code, g.Took())
		}
	})
}
