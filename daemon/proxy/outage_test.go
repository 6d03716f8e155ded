package proxy_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/proxy/proxytest"
)

// ended is what a session says whose token ended while the server is away: its own next
// attempt comes late, and a server that is back brings it at once.
type ended struct{ passes bool }

func (ended) Error() string             { return "the token has ended" }
func (ended) RetryAfter() time.Duration { return 3 * time.Minute }
func (ended) Remedy() string            { return "" }
func (e ended) Passes() bool            { return e.passes }

// Without a token requests are held as without a server, and go on as soon as there is
// one; what only the user can end is said at once.
func TestHeldWithoutAToken(t *testing.T) {
	ok := proxytest.Says(200, `{"a":1}`, "Content-Type", "application/json")
	for _, c := range []struct {
		desc, method, path string
		passes             bool
		back               time.Duration // after which there is a token
		status             int
		took               time.Duration // at most
	}{
		{"back within the hold", "GET", "/api/me", true, 8 * time.Second, 200, 10 * time.Second},
		{"back later", "GET", "/api/me", true, 40 * time.Second, 503, 10 * time.Second},
		{"a file that nobody was sent", "GET", "/api/items/1/file/2", true, 40 * time.Second, 503, 10 * time.Second},
		{"the user must act", "GET", "/api/me", false, 8 * time.Second, 503, 0},
		{"what may not be sent twice", "POST", "/api/me/item/1/bookmark", true, 8 * time.Second, 503, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := proxytest.NewStage(t, ok)
				g.Tokens.Say(ended{c.passes})
				go func() { time.Sleep(c.back); g.Tokens.Say(nil); g.Server.Wake("the server is back") }()
				rec, broken := g.Play(c.method, c.path)
				if took := g.Took(); broken || rec.Code != c.status || took > c.took || c.status == 200 && took > c.back+2*time.Second {
					t.Errorf("%d after %v, broken %v: %s", rec.Code, took, broken, rec.Body)
				}
				if rec.Code == 503 && rec.Header().Get("Retry-After") == "" {
					t.Error("it does not say when to come again")
				}
				time.Sleep(time.Minute) // the goroutine above
			})
		})
	}
}

// A file that is under way is asked for again and again through an outage of a minute,
// with and without a token: its answer begins within seconds, with the head that it
// had, and its bytes come within two seconds of the server's return.
func TestFileUnderWayInAnOutage(t *testing.T) {
	const file = "/api/items/1/file/2"
	for _, c := range []struct {
		desc   string
		token  bool // it has ended, too
		header []string
		from   int // in units
		status int
		back   time.Duration
		broken bool
	}{
		{"30 s", false, []string{"Range", "bytes=4000-"}, 40, 206, 30 * time.Second, false},
		{"60 s", false, []string{"Range", "bytes=4000-"}, 40, 206, 60 * time.Second, false},
		{"60 s without a token", true, []string{"Range", "bytes=4000-"}, 40, 206, 60 * time.Second, false},
		{"from the beginning", true, nil, 0, 200, 30 * time.Second, false},
		{"30 s of silence", false, []string{"Range", "bytes=4000-"}, 40, 206, 30 * time.Second, false},
		{"too long", true, []string{"Range", "bytes=4000-"}, 40, 206, 3 * time.Minute, true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, out := time.Now(), 10*time.Second
				away := func() bool { d := time.Since(began); return d >= out && d < out+c.back }
				g := proxytest.NewStage(t, func(r *http.Request) (*http.Response, error) {
					switch from := 0; {
					case away() && c.desc == "30 s of silence":
						select {
						case <-r.Context().Done():
							return nil, r.Context().Err()
						case <-time.After(out + c.back - time.Since(began)):
						}
						return proxytest.Piece(c.from, 1000, 1000)(r)
					case away():
						return proxytest.RefusedDial(r)
					case r.Header.Get("Range") == "":
						return proxytest.Whole(1000)(r)
					default:
						if r.Header.Get("Range") != "bytes=0-" {
							from = c.from
						}
						return proxytest.Piece(from, 1000, 1000)(r)
					}
				})
				if rec, broken := g.Play("GET", file); broken || rec.Code != 200 || !bytes.Equal(rec.Body.Bytes(), proxytest.File) {
					t.Fatalf("before: %d, broken %v", rec.Code, broken)
				}
				time.Sleep(out)
				if c.token {
					g.Tokens.Say(ended{true})
				}
				go func() {
					time.Sleep(c.back + time.Millisecond)
					g.Tokens.Say(nil)
					g.Server.Wake("the server is back")
				}()
				start := time.Now()
				rec := &timed{ResponseRecorder: newRecorder()}
				broken := g.Serve(t.Context(), rec, "GET", file, "", c.header...)
				took := time.Since(start)
				if head := rec.head.Sub(start); rec.Code != c.status || head > 8*time.Second {
					t.Errorf("the head: %d after %v", rec.Code, head)
				}
				if broken != c.broken {
					t.Errorf("broken %v after %v", broken, took)
				}
				if !c.broken && (!bytes.Equal(rec.Body.Bytes(), proxytest.File[c.from*proxytest.Unit:]) || took > c.back+2*time.Second) {
					t.Errorf("%d bytes after %v", rec.Body.Len(), took)
				}
				time.Sleep(5 * time.Minute) // the goroutine above
			})
		})
	}
}

// The next part of a book, and the next segment of a transcode, wait through the outage
// as the one that is under way does. Those of another wait ten seconds.
func TestNextPartInAnOutage(t *testing.T) {
	for _, c := range []struct {
		first, next string
		status      int
	}{
		{"/api/items/1/file/2", "/api/items/1/file/3", 200},
		{"/api/items/1/file/2", "HEAD /api/items/1/file/3", 200},
		{"/hls/s1/output-7.ts", "/hls/s1/output-8.ts", 200},
		{"/hls/s1/output-7.ts", "/hls/s1/output.m3u8", 200},
		{"/public/session/s1/track/1", "/public/session/s1/track/2", 200},
		{"/feed/slug/item/e1/a.mp3", "/feed/slug/item/e2/b.mp3", 200},
		{"/api/items/1/file/2", "/api/items/10/file/2", 503},
		{"/hls/s1/output-7.ts", "/hls/s2/output-8.ts", 503},
		{"/public/session/s1/track/1", "/api/items/s1/file/2", 503},
	} {
		synctest.Test(t, func(t *testing.T) {
			back := time.Now().Add(60 * time.Second)
			g := proxytest.NewStage(t, proxytest.Whole(1000), func(r *http.Request) (*http.Response, error) {
				if time.Now().Before(back) {
					return proxytest.RefusedDial(r)
				}
				return proxytest.Whole(1000)(r)
			})
			if rec, broken := g.Play("GET", c.first); broken || rec.Code != 200 {
				t.Fatalf("%s before: %d, broken %v", c.first, rec.Code, broken)
			}
			start := time.Now()
			method, next, named := strings.Cut(c.next, " ")
			if !named {
				method, next = "GET", c.next
			}
			rec, broken := g.Play(method, next)
			if took := time.Since(start); broken || rec.Code != c.status || c.status == 503 && took > 11*time.Second || took > 63*time.Second {
				t.Errorf("%s after %s: %d after %v, broken %v", c.next, c.first, rec.Code, took, broken)
			}
		})
	}
}

// timed notes when the head of an answer comes.
type timed struct {
	*httptest.ResponseRecorder
	head time.Time
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func (r *timed) WriteHeader(status int) {
	r.head = time.Now()
	r.ResponseRecorder.WriteHeader(status)
}

// A head that cannot be foretold is not: the player may have another version, or ask for
// several parts.
func TestHeadThatIsNotForetold(t *testing.T) {
	const file = "/api/items/1/file/2"
	for _, header := range [][]string{
		{"Range", "bytes=0-9,20-29"}, {"Range", "bytes=5000000-"}, {"Range", "chapters=1-2"},
		{"Range", "bytes=4000-", "If-Range", `"another"`}, {"If-None-Match", proxytest.Tag},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := proxytest.NewStage(t, proxytest.Whole(1000), proxytest.RefusedDial)
			if _, broken := g.Play("GET", file); broken {
				t.Fatal("before")
			}
			start := time.Now()
			rec, broken := g.Play("GET", file, header...)
			if took := time.Since(start); broken || rec.Code != 503 || took > 76*time.Second {
				t.Errorf("%q: %d after %v, broken %v", header, rec.Code, took, broken)
			}
		})
	}
}

// A player that takes silence for the end hears a byte now and then through an outage,
// in its right place.
func TestTrickleToMPlayer(t *testing.T) {
	const file = "/api/items/1/file/2"
	for _, agent := range []string{"MPlayer 1.5-12", "mpv 0.35.1"} {
		synctest.Test(t, func(t *testing.T) {
			began, back := time.Now(), 60*time.Second
			g := proxytest.NewStage(t, proxytest.Whole(500), func(r *http.Request) (*http.Response, error) {
				if time.Since(began) < back {
					return proxytest.RefusedDial(r)
				}
				return proxytest.Piece(500, 1000, 1000)(r)
			})
			rec := &pauses{ResponseRecorder: httptest.NewRecorder(), last: began}
			broken := g.Serve(t.Context(), rec, "GET", file, "", "User-Agent", agent)
			if broken || !bytes.Equal(rec.Body.Bytes(), proxytest.File) {
				t.Errorf("%s: %d bytes, broken %v", agent, rec.Body.Len(), broken)
			}
			if longest := rec.longest; agent[:3] == "MPl" && longest > 15*time.Second || agent[:3] == "mpv" && longest < 50*time.Second {
				t.Errorf("%s: nothing for %v", agent, longest)
			}
		})
	}
}

// pauses notes the longest time without a byte.
type pauses struct {
	*httptest.ResponseRecorder
	last    time.Time
	longest time.Duration
}

func (p *pauses) Write(b []byte) (int, error) {
	p.longest, p.last = max(p.longest, time.Since(p.last)), time.Now()
	return p.ResponseRecorder.Write(b)
}
