package absapi

import (
	"net/http"
	"slices"
	"testing"
)

// A gateway that answers /ping itself says nothing about the server: /status does.
func TestPingOfAGatewayThatAnswersItItself(t *testing.T) {
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>Sign in</title>"))
	}
	abs := reply200(`{"app":"audiobookshelf","serverVersion":"2.36.0","isInit":true}`)
	for desc, test := range map[string]struct {
		ping, status http.HandlerFunc
		ok           bool
		asked        []string
	}{
		"oauth2-proxy":                {text(200, "OK"), abs, true, []string{"GET /ping", "GET /status"}},
		"a health page":               {page, abs, true, []string{"GET /ping", "GET /status"}},
		"json of a gateway":           {reply200(`{"status":"up"}`), abs, true, []string{"GET /ping", "GET /status"}},
		"refused on this path alone":  {text(403, "Forbidden"), abs, true, []string{"GET /ping", "GET /status"}},
		"a captive portal":            {page, page, false, []string{"GET /ping", "GET /status"}},
		"another program":             {text(200, "OK"), reply200(`{"app":"other"}`), false, []string{"GET /ping", "GET /status"}},
		"a server that does not run":  {text(502, "Bad Gateway"), abs, false, []string{"GET /ping"}},
		"the limit of a gateway":      {text(429, "slow down"), abs, false, []string{"GET /ping"}},
		"audiobookshelf answers both": {reply200(`{"success":true}`), abs, true, []string{"GET /ping"}},
	} {
		t.Run(desc, func(t *testing.T) {
			s := newSite(t, map[string]http.HandlerFunc{"GET /ping": test.ping, "GET /status": test.status})
			_, err := s.client(t, "").Ping(t.Context())
			if (err == nil) != test.ok {
				t.Errorf("ping: %v", err)
			}
			if !slices.Equal(s.paths(), test.asked) {
				t.Errorf("asked %v, want %v", s.paths(), test.asked)
			}
		})
	}
}
