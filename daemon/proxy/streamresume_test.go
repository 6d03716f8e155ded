package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const filePath = "/api/items/1/file/2"

func TestStreamGoesOn(t *testing.T) {
	type answers = []func(*http.Request) (*http.Response, error)
	rest := "GET /abs" + filePath + " bytes=40000-99999 " + tag
	for _, c := range []struct {
		desc     string
		header   []string // of the player
		answers  answers
		asked    []string // after the first request
		from, to int      // what the player must get, in units; 0, 0: a hard end
	}{
		{"cut", nil, answers{whole(400), piece(400, 1000, 600)}, []string{rest}, 0, 1000},
		{"cut before the first byte", nil, answers{whole(0), piece(0, 1000, 1000)}, []string{"GET /abs" + filePath + " bytes=0-99999 " + tag}, 0, 1000},
		{"cut again and again", nil, answers{whole(400), piece(400, 1000, 1), piece(401, 1000, 0), piece(401, 1000, 599)}, nil, 0, 1000},
		{"a range of the player's own", []string{"Range", "bytes=10000-89999"}, answers{piece(100, 900, 300), piece(400, 900, 500)}, []string{"GET /abs" + filePath + " bytes=40000-89999 " + tag}, 100, 900},
		{"the server sends less than was asked for", nil, answers{whole(400), piece(400, 700, 300), piece(700, 1000, 300)}, nil, 0, 1000},
		{"the whole again, of the same version", nil, answers{whole(400), whole(1000)}, nil, 0, 1000},
		{"the whole again, cut within what is known", nil, answers{whole(400), whole(300), piece(400, 1000, 600)}, []string{rest, rest}, 0, 1000},
		{"a rest that begins earlier", nil, answers{whole(400), piece(300, 1000, 700)}, nil, 0, 1000},
		{"a rest that begins later", nil, answers{whole(400), piece(401, 1000, 599)}, nil, 0, 0},
		{"a rest that ends before", nil, answers{whole(400), piece(100, 400, 300)}, nil, 0, 0},
		{"another tag", nil, answers{whole(400), piece(400, 1000, 600, "Etag", `W/"x"`)}, nil, 0, 0},
		{"the whole of another version", nil, answers{whole(400), whole(1000, "Etag", `W/"x"`)}, nil, 0, 0},
		{"another date", nil, answers{whole(400), piece(400, 1000, 600, "Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT")}, nil, 0, 0},
		{"another total", nil, answers{whole(400), piece(400, 1000, 600, "Content-Range", "bytes 40000-99999/100001")}, nil, 0, 0},
		{"no total", nil, answers{whole(400), piece(400, 1000, 600, "Content-Range", "bytes 40000-99999/*")}, nil, 0, 0},
		{"a length that belies the range", nil, answers{whole(400), piece(400, 1000, 600, "Content-Range", "bytes 40000-99998/100000")}, nil, 0, 0},
		{"compressed all of a sudden", nil, answers{whole(400), piece(400, 1000, 600, "Content-Encoding", "gzip")}, nil, 0, 0},
		{"416", nil, answers{whole(400), says(416, "")}, nil, 0, 0},
		{"412", nil, answers{whole(400), says(412, "")}, nil, 0, 0},
		{"refused, 502, 404, a portal's page, a redirect to it, another's 401", nil, answers{
			whole(400), refusedDial, says(502, "bad"), says(404, "Not Found"), says(200, "<html>", "Content-Type", "text/html"),
			says(302, "", "Location", "http://portal.example/"), says(401, "who?", "Www-Authenticate", "Basic"), piece(400, 1000, 600)}, nil, 0, 1000},
		{"the token has expired", nil, answers{whole(400), says(401, "Unauthorized"), piece(400, 1000, 600)}, []string{rest, rest}, 0, 1000},
		{"stalled", nil, answers{stalls(0, 1000, 400), piece(400, 1000, 600)}, []string{rest}, 0, 1000},
		{"no answer to the next request either", nil, answers{whole(400), mute, piece(400, 1000, 600)}, nil, 0, 1000},
		{"known by its date only", nil, answers{whole(400, "Etag", ""), piece(400, 1000, 600, "Etag", "")}, []string{"GET /abs" + filePath + " bytes=40000-99999 Wed, 31 Dec 2025 00:00:00 GMT"}, 0, 1000},
		{"known by a date too young", nil, answers{whole(400, "Etag", "", "Last-Modified", "Wed, 31 Dec 2025 23:59:59 GMT")}, nil, 0, 0},
		{"known by nothing", nil, answers{whole(400, "Etag", "", "Last-Modified", "")}, nil, 0, 0},
		{"of unknown length, as zips and covers are", nil, answers{whole(400, "length", "-1")}, nil, 0, 0},
		{"compressed", nil, answers{whole(400, "Content-Encoding", "gzip")}, nil, 0, 0},
		{"several ranges at once", []string{"Range", "bytes=0-1,4-5"}, answers{piece(0, 999, 400, "Content-Range", "", "Content-Type", "application/x-parts")}, nil, 0, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newStage(t, c.answers...)
				rec, broken := g.play("GET", filePath, c.header...)
				if c.to == 0 {
					if !broken || !bytes.HasPrefix(file, rec.Body.Bytes()) {
						t.Errorf("ended %d well after %d bytes", rec.Code, rec.Body.Len())
					}
					if st := g.server.Stats(); st.Broken != 1 {
						t.Errorf("%+v", st)
					}
					return
				}
				if broken || !bytes.Equal(rec.Body.Bytes(), file[c.from*unit:c.to*unit]) {
					t.Errorf("%d bytes, broken %v; asked %q", rec.Body.Len(), broken, g.asked)
				}
				if c.asked != nil && !slices.Equal(g.asked[1:], c.asked) {
					t.Errorf("asked %q", g.asked[1:])
				}
				if st := g.server.Stats(); st.Resumed == 0 || st.Broken != 0 || st.Unauthorized != 0 {
					t.Errorf("%+v", st)
				}
				if g.took() > streamPatience {
					t.Errorf("took %v", g.took())
				}
			})
		})
	}
}

// A player's conditions are about the first answer, not about its rest.
func TestRestIsAskedForWithoutThePlayersConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newStage(t, whole(400), func(r *http.Request) (*http.Response, error) {
			for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Cookie"} {
				if r.Header[name] != nil {
					t.Errorf("%s: %s", name, r.Header.Get(name))
				}
			}
			if r.Header.Get("Authorization") != "Bearer "+access1 || r.Header.Get("User-Agent") != "mpv" || strings.Contains(r.URL.RawQuery, "token") {
				t.Errorf("%s %v", r.URL, r.Header)
			}
			return piece(400, 1000, 600)(r)
		})
		rec, broken := g.play("GET", filePath+"?token="+grant, "If-None-Match", `"x"`, "If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT",
			"If-Match", "*", "If-Unmodified-Since", "Fri, 01 Jan 2027 00:00:00 GMT", "User-Agent", "mpv", "Cookie", "a=b")
		if broken || rec.Body.Len() != len(file) {
			t.Errorf("%d bytes", rec.Body.Len())
		}
	})
}

// A server that is gone for good ends the stream hard after the time that
// players bear, not before.
func TestStreamGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newStage(t, whole(400), refusedDial)
		rec, broken := g.play("GET", filePath)
		if !broken || rec.Body.Len() != 400*unit {
			t.Errorf("%d bytes, broken %v", rec.Body.Len(), broken)
		}
		if g.took() < streamPatience || g.took() > streamPatience+streamStall {
			t.Errorf("gave up after %v", g.took())
		}
		if n := len(g.asked); n < 25 || n > 50 {
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
		{"a pause", []func(*http.Request) (*http.Response, error){whole(400), refusedDial, refusedDial, refusedDial, refusedDial, refusedDial, piece(400, 1000, 600)}, wakeAfter},
		{"a stalled body", []func(*http.Request) (*http.Response, error){stalls(0, 1000, 400), piece(400, 1000, 600)}, wakeAfter + wakeProbe},
		{"a request for the rest", []func(*http.Request) (*http.Response, error){whole(400), mute, piece(400, 1000, 600)}, wakeAfter + wakeProbe},
		{"a first request", []func(*http.Request) (*http.Response, error){mute, whole(1000)}, wakeAfter + wakeHead + firstPause},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newStage(t, c.answers...)
				timer := time.AfterFunc(wakeAfter, func() { g.server.Wake("the Wi-Fi has changed") })
				defer timer.Stop()
				rec, broken := g.play("GET", filePath)
				if broken || rec.Body.Len() != len(file) || g.took() > c.within {
					t.Errorf("%d bytes after %v, broken %v", rec.Body.Len(), g.took(), broken)
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
			resp, err := whole(1000)(r)
			resp.Body = io.NopCloser(&trickle{b: file, every: time.Second, step: len(file) / 10})
			return resp, err
		}
		g := newStage(t, slow)
		for _, at := range []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond, 2600 * time.Millisecond} {
			timer := time.AfterFunc(at, func() { g.server.Wake("a better link") })
			defer timer.Stop()
		}
		rec, broken := g.play("GET", filePath)
		if broken || !bytes.Equal(rec.Body.Bytes(), file) || len(g.asked) != 1 {
			t.Errorf("%d bytes, broken %v, asked %q", rec.Body.Len(), broken, g.asked)
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
		g := newStage(t, whole(400), refusedDial, piece(400, 1000, 600))
		rec := &pausing{ResponseRecorder: httptest.NewRecorder(), at: 400 * unit, d: time.Hour}
		broken := g.serve(t.Context(), rec, "GET", filePath, "")
		if broken || !bytes.Equal(rec.Body.Bytes(), file) || g.took() < time.Hour {
			t.Errorf("%d bytes after %v, broken %v", rec.Body.Len(), g.took(), broken)
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
		g := newStage(t, whole(400), refusedDial)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		broken := g.serve(ctx, httptest.NewRecorder(), "GET", filePath, "")
		if !broken || g.took() > 5*time.Second {
			t.Errorf("ended after %v", g.took())
		}
		if len(g.server.wakes.vigils) != 0 {
			t.Error("a vigil is left over")
		}
	})
}
