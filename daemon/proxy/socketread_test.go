package proxy

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/wsconn"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The init of an account with an API key comes when the server is back, however
// long it was away: there is no socket whose return would bring it.
func TestInitOfAPIKeyOutlastsTheWeather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newStage(t)
		defer g.server.sockets.close()
		g.server.cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if time.Since(g.began) < 5*time.Minute {
				return nil, errors.New("no route")
			}
			body := `{"id":"u1","username":"demo","mediaProgress":[]}`
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		hall, poll := g.server.sockets.hall, "/socket.io/?EIO=4&transport=polling"
		ask := func(method, query, body string) string {
			rec := httptest.NewRecorder()
			hall.Serve(rec, httptest.NewRequest(method, poll+query, strings.NewReader(body)), "me", func(e *wsconn.PlayerConn) wsconn.Player {
				j := newJoint(g.server, players.Own(), e)
				j.joined, j.keyed, j.owed = true, true, 1
				g.server.sockets.running.Go(func() {
					j.readUser(t.Context())
					j.run(t.Context())
				})
				return j
			})
			return rec.Body.String()
		}
		_, rest, _ := strings.Cut(ask("GET", "", ""), `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		for time.Since(g.began) < 7*time.Minute {
			switch said := ask("GET", "&sid="+sid, ""); {
			case said == "2":
				ask("POST", "&sid="+sid, "3")
			case strings.Contains(said, `"init",{"userId":"u1","username":"demo"}`):
				return
			default:
				t.Fatalf("it got %q after %v", said, time.Since(g.began))
			}
		}
		t.Error("no init")
	})
}

// What was read before an event came is older than the event, and does not
// take the player back.
func TestReadingIsOvertakenByAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newStage(t)
		defer g.server.sockets.close()
		const head, at5 = `{"id":"u1","username":"demo","mediaProgress":[`, `{"id":"a","libraryItemId":"i","lastUpdate":5}`
		reads, answer := make(chan struct{}, 8), make(chan string)
		g.server.cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			body := `{}`
			if r.URL.Path == "/abs/api/me" {
				reads <- struct{}{}
				body = <-answer
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		var j *joint
		hall, rec := g.server.sockets.hall, httptest.NewRecorder()
		hall.Serve(rec, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil), "me", func(e *wsconn.PlayerConn) wsconn.Player {
			j = newJoint(g.server, players.Own(), e)
			j.joined, j.hasInit, j.log = true, true, g.server.log
			g.server.sockets.running.Go(func() {
				j.readUser(t.Context())
				j.run(t.Context())
			})
			return j
		})
		<-reads
		j.told <- eventOf("user_updated", json.RawMessage(head+at5+`]}`))
		answer <- head + `]}` // as it was before
		<-reads
		answer <- head + at5 + `]}`
		synctest.Wait()
		_, rest, _ := strings.Cut(rec.Body.String(), `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		rec = httptest.NewRecorder()
		hall.Serve(rec, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling&sid="+sid, nil), "me", nil)
		if said := rec.Body.String(); strings.Count(said, "user_updated") != 1 || !strings.Contains(said, `"lastUpdate":5`) {
			t.Errorf("the player heard %s", said)
		}
	})
}
