package stream_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/proxy/stream"
)

const filePath = "/api/items/1/file/2"

func TestStreamGoesOn(t *testing.T) {
	type answers = []func(*http.Request) (*http.Response, error)
	rest := "GET /abs" + filePath + " bytes=40000-99999 " + proxytest.Tag
	for _, c := range []struct {
		desc     string
		header   []string // of the player
		answers  answers
		asked    []string // after the first request
		from, to int      // what the player must get, in units; 0, 0: a hard end
	}{
		{"cut", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 1000, 600)}, []string{rest}, 0, 1000},
		{"cut before the first byte", nil, answers{proxytest.Whole(0), proxytest.Piece(0, 1000, 1000)},
			[]string{"GET /abs" + filePath + " bytes=0-99999 " + proxytest.Tag}, 0, 1000},
		{"cut again and again", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 1000, 1), proxytest.Piece(401, 1000, 0),
			proxytest.Piece(401, 1000, 599)}, nil, 0, 1000},
		{"a range of the player's own", []string{"Range", "bytes=10000-89999"},
			answers{proxytest.Piece(100, 900, 300), proxytest.Piece(400, 900, 500)},
			[]string{"GET /abs" + filePath + " bytes=40000-89999 " + proxytest.Tag}, 100, 900},
		{"the server sends less than was asked for", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 700, 300),
			proxytest.Piece(700, 1000, 300)}, nil, 0, 1000},
		{"the whole again, of the same version", nil, answers{proxytest.Whole(400), proxytest.Whole(1000)}, nil, 0, 1000},
		{"the whole again, cut within what is known", nil, answers{proxytest.Whole(400), proxytest.Whole(300),
			proxytest.Piece(400, 1000, 600)}, []string{rest, rest}, 0, 1000},
		{"a rest that begins earlier", nil, answers{proxytest.Whole(400), proxytest.Piece(300, 1000, 700)}, nil, 0, 1000},
		{"a rest that begins later", nil, answers{proxytest.Whole(400), proxytest.Piece(401, 1000, 599)}, nil, 0, 0},
		{"a rest that ends before", nil, answers{proxytest.Whole(400), proxytest.Piece(100, 400, 300)}, nil, 0, 0},
		{"another tag", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 1000, 600, "Etag", `W/"x"`)}, nil, 0, 0},
		{"the whole of another version", nil, answers{proxytest.Whole(400), proxytest.Whole(1000, "Etag", `W/"x"`)}, nil, 0, 0},
		{"another date", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 1000, 600, "Last-Modified",
			"Thu, 01 Jan 1970 00:00:00 GMT")}, nil, 0, 0},
		{"another total", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 1000, 600, "Content-Range",
			"bytes 40000-99999/100001")}, nil, 0, 0},
		{"no total", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 1000, 600, "Content-Range", "bytes 40000-99999/*")}, nil, 0, 0},
		{"a length that belies the range", nil, answers{proxytest.Whole(400),
			proxytest.Piece(400, 1000, 600, "Content-Range", "bytes 40000-99998/100000")}, nil, 0, 0},
		{"compressed all of a sudden", nil, answers{proxytest.Whole(400), proxytest.Piece(400, 1000, 600, "Content-Encoding", "gzip")},
			nil, 0, 0},
		{"416", nil, answers{proxytest.Whole(400), proxytest.Says(416, "")}, nil, 0, 0},
		{"412", nil, answers{proxytest.Whole(400), proxytest.Says(412, "")}, nil, 0, 0},
		{"refused, 502, 404, a portal's page, a redirect to it, another's 401", nil, answers{
			proxytest.Whole(400), proxytest.RefusedDial, proxytest.Says(502, "bad"), proxytest.Says(404, "Not Found"),
			proxytest.Says(200, "<html>", "Content-Type", "text/html"),
			proxytest.Says(302, "", "Location", "http://portal.example/"), proxytest.Says(401, "who?", "Www-Authenticate", "Basic"),
			proxytest.Piece(400, 1000, 600)}, nil, 0, 1000},
		{"the token has expired", nil, answers{proxytest.Whole(400), proxytest.Says(401, "Unauthorized"),
			proxytest.Piece(400, 1000, 600)}, []string{rest, rest}, 0, 1000},
		{"stalled", nil, answers{proxytest.Stalls(0, 1000, 400), proxytest.Piece(400, 1000, 600)}, []string{rest}, 0, 1000},
		{"no answer to the next request either", nil, answers{proxytest.Whole(400), proxytest.Mute, proxytest.Piece(400, 1000, 600)}, nil,
			0, 1000},
		{"known by its date only", nil, answers{proxytest.Whole(400, "Etag", ""), proxytest.Piece(400, 1000, 600, "Etag", "")},
			[]string{"GET /abs" + filePath + " bytes=40000-99999 Wed, 31 Dec 2025 00:00:00 GMT"}, 0, 1000},
		{"known by a date too young", nil, answers{proxytest.Whole(400, "Etag", "", "Last-Modified", "Wed, 31 Dec 2025 23:59:59 GMT")},
			nil, 0, 0},
		{"known by nothing", nil, answers{proxytest.Whole(400, "Etag", "", "Last-Modified", "")}, nil, 0, 0},
		{"of unknown length, as zips and covers are", nil, answers{proxytest.Whole(400, "length", "-1")}, nil, 0, 0},
		{"compressed", nil, answers{proxytest.Whole(400, "Content-Encoding", "gzip")}, nil, 0, 0},
		{"several ranges at once", []string{"Range", "bytes=0-1,4-5"}, answers{proxytest.Piece(0, 999, 400, "Content-Range", "",
			"Content-Type", "application/x-parts")}, nil, 0, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := proxytest.NewStage(t, c.answers...)
				rec, broken := g.Play("GET", filePath, c.header...)
				if c.to == 0 {
					if !broken || !bytes.HasPrefix(proxytest.File, rec.Body.Bytes()) {
						t.Errorf("ended %d well after %d bytes", rec.Code, rec.Body.Len())
					}
					if st := g.Server.Stats(); st.Broken != 1 {
						t.Errorf("%+v", st)
					}
					return
				}
				if broken || !bytes.Equal(rec.Body.Bytes(), proxytest.File[c.from*proxytest.Unit:c.to*proxytest.Unit]) {
					t.Errorf("%d bytes, broken %v; asked %q", rec.Body.Len(), broken, g.Asked)
				}
				if c.asked != nil && !slices.Equal(g.Asked[1:], c.asked) {
					t.Errorf("asked %q", g.Asked[1:])
				}
				if st := g.Server.Stats(); st.Resumed == 0 || st.Broken != 0 || st.Unauthorized != 0 {
					t.Errorf("%+v", st)
				}
				if g.Took() > stream.Patience {
					t.Errorf("took %v", g.Took())
				}
			})
		})
	}
}

// A player's conditions are about the first answer, not about its rest.
func TestRestIsAskedForWithoutThePlayersConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := proxytest.NewStage(t, proxytest.Whole(400), func(r *http.Request) (*http.Response, error) {
			for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Cookie"} {
				if r.Header[name] != nil {
					t.Errorf("%s: %s", name, r.Header.Get(name))
				}
			}
			if r.Header.Get("Authorization") != "Bearer "+proxytest.Access1 || r.Header.Get("User-Agent") != "mpv" ||
				strings.Contains(r.URL.RawQuery, "token") {
				t.Errorf("%s %v", r.URL, r.Header)
			}
			return proxytest.Piece(400, 1000, 600)(r)
		})
		rec, broken := g.Play("GET", filePath+"?token="+proxytest.Grant, "If-None-Match", `"x"`, "If-Modified-Since",
			"Thu, 01 Jan 1970 00:00:00 GMT",
			"If-Match", "*", "If-Unmodified-Since", "Fri, 01 Jan 2027 00:00:00 GMT", "User-Agent", "mpv", "Cookie", "a=b")
		if broken || rec.Body.Len() != len(proxytest.File) {
			t.Errorf("%d bytes", rec.Body.Len())
		}
	})
}

// A server that is gone for good ends the stream hard after the time that
// players bear, not before.
func TestStreamGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := proxytest.NewStage(t, proxytest.Whole(400), proxytest.RefusedDial)
		rec, broken := g.Play("GET", filePath)
		if !broken || rec.Body.Len() != 400*proxytest.Unit {
			t.Errorf("%d bytes, broken %v", rec.Body.Len(), broken)
		}
		if g.Took() < stream.Patience || g.Took() > stream.Patience+stream.Stall {
			t.Errorf("gave up after %v", g.Took())
		}
		if n := len(g.Asked); n < 25 || n > 50 {
			t.Errorf("asked %d times", n)
		}
	})
}

// After a change of network nobody waits for what no longer comes.
func TestWake(t *testing.T) {
	for _, c := range []struct {
		desc    string
		answers []func(*http.Request) (*http.Response, error)
		within  time.Duration
	}{
		{"a pause", []func(*http.Request) (*http.Response, error){proxytest.Whole(400), proxytest.RefusedDial, proxytest.RefusedDial,
			proxytest.RefusedDial, proxytest.RefusedDial, proxytest.RefusedDial, proxytest.Piece(400, 1000, 600)}, wakeAfter},
		{"a stalled body", []func(*http.Request) (*http.Response, error){proxytest.Stalls(0, 1000, 400), proxytest.Piece(400, 1000, 600)},
			wakeAfter + stream.WakeProbe},
		{"a request for the rest", []func(*http.Request) (*http.Response, error){proxytest.Whole(400), proxytest.Mute,
			proxytest.Piece(400, 1000, 600)}, wakeAfter + stream.WakeProbe},
		{"a first request", []func(*http.Request) (*http.Response, error){proxytest.Mute, proxytest.Whole(1000)},
			wakeAfter + stream.WakeHead + stream.FirstPause},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := proxytest.NewStage(t, c.answers...)
				timer := time.AfterFunc(wakeAfter, func() { g.Server.Wake("the Wi-Fi has changed") })
				defer timer.Stop()
				rec, broken := g.Play("GET", filePath)
				if broken || rec.Body.Len() != len(proxytest.File) || g.Took() > c.within {
					t.Errorf("%d bytes after %v, broken %v", rec.Body.Len(), g.Took(), broken)
				}
			})
		})
	}
}

// wakeAfter lies within the pause after the sixth request.
const wakeAfter = 3200 * time.Millisecond

// A connection that works is left alone, and so is one that nobody reads from.
func TestWakeLeavesWhatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(r *http.Request) (*http.Response, error) {
			resp, err := proxytest.Whole(1000)(r)
			resp.Body = io.NopCloser(&trickle{b: proxytest.File, every: time.Second, step: len(proxytest.File) / 10})
			return resp, err
		}
		g := proxytest.NewStage(t, slow)
		for _, at := range []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond, 2600 * time.Millisecond} {
			timer := time.AfterFunc(at, func() { g.Server.Wake("a better link") })
			defer timer.Stop()
		}
		rec, broken := g.Play("GET", filePath)
		if broken || !bytes.Equal(rec.Body.Bytes(), proxytest.File) || len(g.Asked) != 1 {
			t.Errorf("%d bytes, broken %v, asked %q", rec.Body.Len(), broken, g.Asked)
		}
	})
}

// trickle gives step bytes each time that every has passed.
type trickle struct {
	b     []byte
	every time.Duration
	step  int
}

func (s *trickle) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	<-time.After(s.every)
	n := copy(p, s.b[:min(s.step, len(s.b))])
	s.b = s.b[n:]
	return n, nil
}

// A player that pauses for an hour, while its connection is cut, goes on.
func TestPausedPlayerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := proxytest.NewStage(t, proxytest.Whole(400), proxytest.RefusedDial, proxytest.Piece(400, 1000, 600))
		rec := &pausing{ResponseRecorder: httptest.NewRecorder(), at: 400 * proxytest.Unit, d: time.Hour}
		broken := g.Serve(t.Context(), rec, "GET", filePath, "")
		if broken || !bytes.Equal(rec.Body.Bytes(), proxytest.File) || g.Took() < time.Hour {
			t.Errorf("%d bytes after %v, broken %v", rec.Body.Len(), g.Took(), broken)
		}
	})
}

// pausing is a player that reads nothing for a while.
type pausing struct {
	*httptest.ResponseRecorder
	at int
	d  time.Duration
}

func (p *pausing) Write(b []byte) (int, error) {
	n, err := p.ResponseRecorder.Write(b)
	if p.Body.Len() >= p.at && p.d > 0 {
		<-time.After(p.d)
		p.d = 0
	}
	return n, err
}

// When the player goes, nothing is asked for any more.
func TestNothingIsContinuedForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := proxytest.NewStage(t, proxytest.Whole(400), proxytest.RefusedDial)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		broken := g.Serve(ctx, httptest.NewRecorder(), "GET", filePath, "")
		if !broken || g.Took() > 5*time.Second {
			t.Errorf("ended after %v", g.Took())
		}
		if n := reflect.ValueOf(g.Server).Elem().FieldByName("broadcast").Elem().FieldByName("watched").Len(); n != 0 {
			t.Errorf("%d watchdogs are left over", n)
		}
	})
}
