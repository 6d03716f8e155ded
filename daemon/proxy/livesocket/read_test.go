package livesocket

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/wsconn"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// testSockets are sockets of which the server's REST API is that transport.
func testSockets(transport http.RoundTripper) *Sockets {
	return New(Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example", Path: "/abs"}, Transport: transport,
		Token: func(context.Context) (redact.Secret, error) { return redact.New("token"), nil },
		Alive: func(players.Caller) bool { return true },
		Clean: func(_ context.Context, _ players.Caller, frame io.Reader, _ int) ([]byte, error) {
			return io.ReadAll(frame)
		},
		Log: slog.New(slog.DiscardHandler),
	})
}

// The init of an account with an API key comes when the server is back, however
// long it was away: there is no socket whose return would bring it.
func TestInitOfAPIKeyOutlastsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := testSockets(roundTripper(func(r *http.Request) (*http.Response, error) {
			if time.Since(began) < 5*time.Minute {
				return nil, errors.New("no route")
			}
			body := `{"id":"u1","username":"demo","mediaProgress":[]}`
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		}))
		defer s.Close()
		server, poll := s.server, "/socket.io/?EIO=4&transport=polling"
		ask := func(method, query, body string) string {
			rec := httptest.NewRecorder()
			server.Serve(rec, httptest.NewRequest(method, poll+query, strings.NewReader(body)), "me", func(e *wsconn.PlayerConn) wsconn.Player {
				j := newBridge(s, players.Own(), e)
				j.joined, j.keyed, j.initPending = true, true, true
				s.running.Go(func() {
					j.readUser(t.Context())
					j.run(t.Context())
				})
				return j
			})
			return rec.Body.String()
		}
		_, rest, _ := strings.Cut(ask("GET", "", ""), `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		for time.Since(began) < 7*time.Minute {
			switch said := ask("GET", "&sid="+sid, ""); {
			case said == "2":
				ask("POST", "&sid="+sid, "3")
			case strings.Contains(said, `"init",{"userId":"u1","username":"demo"}`):
				return
			default:
				t.Fatalf("it got %q after %v", said, time.Since(began))
			}
		}
		t.Error("no init")
	})
}

// What was read before an event came is older than the event, and does not
// take the player back.
func TestReadingIsOvertakenByAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const head, at5 = `{"id":"u1","username":"demo","mediaProgress":[`, `{"id":"a","libraryItemId":"i","lastUpdate":5}`
		reads, answer := make(chan struct{}, 8), make(chan string)
		s := testSockets(roundTripper(func(r *http.Request) (*http.Response, error) {
			body := `{}`
			if r.URL.Path == "/abs/api/me" {
				reads <- struct{}{}
				body = <-answer
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		}))
		defer s.Close()
		var j *bridge
		server, rec := s.server, httptest.NewRecorder()
		server.Serve(rec, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil), "me", func(e *wsconn.PlayerConn) wsconn.Player {
			j = newBridge(s, players.Own(), e)
			j.joined, j.hasInit = true, true
			s.running.Go(func() {
				j.readUser(t.Context())
				j.run(t.Context())
			})
			return j
		})
		<-reads
		j.events <- delivery{eventOf("user_updated", json.RawMessage(head+at5+`]}`)), make(chan struct{})}
		answer <- head + `]}` // as it was before
		<-reads
		answer <- head + at5 + `]}`
		synctest.Wait()
		_, rest, _ := strings.Cut(rec.Body.String(), `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		rec = httptest.NewRecorder()
		server.Serve(rec, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling&sid="+sid, nil), "me", nil)
		if said := rec.Body.String(); strings.Count(said, "user_updated") != 1 || !strings.Contains(said, `"lastUpdate":5`) {
			t.Errorf("the player heard %s", said)
		}
	})
}

// Players that share a reading go on with a state of their own: their events come at the
// same moment, each in a goroutine of its own.
func TestSharedReadingIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		asked := 0
		s := testSockets(roundTripper(func(*http.Request) (*http.Response, error) {
			asked++
			<-answer
			body := `{"id":"u1","mediaProgress":[{"id":"a","libraryItemId":"i","lastUpdate":5}]}`
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		}))
		defer s.Close()
		users := make(chan user, 2)
		for range 2 {
			go func() {
				u, err := s.me.read(t.Context())
				if err != nil {
					t.Error(err)
				}
				users <- u
			}()
		}
		synctest.Wait()
		close(answer)
		one, other := <-users, <-users
		if asked != 2 { // the user and its sessions, once
			t.Errorf("asked %d times", asked)
		}
		one.learn(eventOf("user_item_progress_updated", map[string]any{"data": map[string]any{"id": "a", "lastUpdate": 7}}))
		if one.progress["a"] != 7 || other.progress["a"] != 5 {
			t.Errorf("%v and %v", one.progress, other.progress)
		}
	})
}
