package playback

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if url := os.Getenv("TEST_PLAYER"); url != "" {
		p, err := newFake("child")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		p.set("Playing", url, 0)
		select {} // until it is ended
	}
	os.Exit(m.Run())
}

// shelf is a server with one book of two files of 100 s.
type shelf struct {
	*Server
	mu      sync.Mutex
	reports []report // what was said at the end is the last
	opened  bool
	closed  bool
}

type report struct{ CurrentTime, TimeListened float64 }

func newShelf(t *testing.T, item string, place float64) *shelf {
	s := &shelf{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/play") {
			s.mu.Lock()
			s.opened = true
			s.mu.Unlock()
			fmt.Fprintf(w, `{"id":"s1","duration":200,"currentTime":%v,"audioTracks":[{"contentUrl":"/api/items/%s/file/1","duration":100},
				{"contentUrl":"/api/items/%s/file/2","startOffset":100,"duration":100}]}`, place, item, item)
			return
		}
		var said report
		raw, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if json.Unmarshal(raw, &said) == nil && said.TimeListened > 0 {
			s.reports = append(s.reports, said)
		}
		s.closed = s.closed || strings.HasSuffix(r.URL.Path, "/close")
	}))
	t.Cleanup(srv.Close)
	s.Server = &Server{Base: srv.URL}
	return s
}

func (s *shelf) file(item string, n int) string {
	return fmt.Sprintf("%s/api/items/%s/file/%d?token=x", s.Base, item, n)
}

// last is where the user is at the end, and how long was heard in all; false: nothing.
func (s *shelf) last() (at, heard float64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.reports {
		at, heard = r.CurrentTime, heard+r.TimeListened
	}
	return at, heard, len(s.reports) > 0
}

// follow follows an item until it ends by itself.
func follow(t *testing.T, s *shelf, item string, argv ...string) (said string, err error) {
	t.Helper()
	var words strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	f := Follow{Argv: argv, Item: item, Say: func(text string) { words.WriteString(text + "\n") },
		Open: func(ctx context.Context) (*Session, error) { return s.Open(ctx, item, "", "test") }}
	err = f.Run(ctx)
	if ctx.Err() != nil {
		t.Error("it did not end by itself")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && !s.closed {
		t.Error("the session is left open")
	}
	return words.String(), err
}

// until waits for what another goroutine or process does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waiting for %s", what)
		}
	}
}

// What a player on the bus plays is reported; it is moved to the place, and what it does
// before it is there moves the place nowhere.
func TestFollow(t *testing.T) {
	newBus(t)
	for _, c := range []struct {
		desc  string
		place float64
		plays func(t *testing.T, p *fakePlayer, file func(int) string) // then it leaves
		ok    func(at, heard float64) bool                             // nil: nothing was heard
		says  string
	}{
		{"moved to the place", 50, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.set("Playing", file(1), 0)
			until(t, "a place", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 52500*time.Millisecond })
		}, func(at, heard float64) bool { return at > 51 && at < 54 && heard > 0.5 && heard < 4 }, ""},
		{"by the other method, with odd values", 150, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.odd = true
			p.set("Playing", file(2), 0)
			until(t, "a place", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 52500*time.Millisecond })
		}, func(at, heard float64) bool { return at > 151 && at < 154 }, ""},
		{"opened only", 150, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.stuck = true
			p.set("Playing", file(2), 0)
			until(t, "tries", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.moved) > 2 })
		}, nil, ""},
		{"in an earlier file", 150, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.set("Playing", file(1), 0)
			until(t, "some playing", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 2500*time.Millisecond })
		}, nil, "before the place"},
		{"paused all the time", 50, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.set("Paused", file(1), 50*time.Second)
		}, nil, ""},
		{"sought back by the user", 50, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.set("Playing", file(1), 50*time.Second)
			until(t, "a place", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 52500*time.Millisecond })
			p.seek(10 * time.Second)
			until(t, "a place", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 12500*time.Millisecond })
		}, func(at, heard float64) bool { return at > 11 && at < 14 && heard < 6 }, ""},
		{"into the next file", 98, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.set("Playing", file(1), 98*time.Second)
			until(t, "the end", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 100*time.Second })
			p.set("Playing", file(2), 0)
			until(t, "a place", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 2500*time.Millisecond })
		}, func(at, heard float64) bool { return at > 101 && at < 104 && heard > 1 && heard < 6 }, ""},
		{"to the end", 190, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.set("Playing", file(2), 97*time.Second)
			until(t, "the end", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 99500*time.Millisecond })
			p.set("Stopped", "", 0)
		}, func(at, heard float64) bool { return at == 200 }, ""},
		{"then something else", 50, func(t *testing.T, p *fakePlayer, file func(int) string) {
			p.set("Playing", file(1), 50*time.Second)
			until(t, "a place", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > 52500*time.Millisecond })
			p.set("Playing", "http://127.0.0.1/api/items/other/file/1", 0)
			until(t, "some playing", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.position() > time.Second })
		}, func(at, heard float64) bool { return at > 51 && at < 54 }, "something else"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			item := strings.Map(func(r rune) rune {
				if r == ' ' || r == ',' {
					return '-'
				}
				return r
			}, c.desc)
			s := newShelf(t, item, c.place)
			p, err := newFake("t" + strings.ReplaceAll(item, "-", "_"))
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer p.leave()
				c.plays(t, p, func(n int) string { return s.file(item, n) })
				if c.desc == "paused all the time" {
					until(t, "the session", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.opened })
				}
			}()
			said, err := follow(t, s, item)
			<-done
			if err != nil || !strings.Contains(said, c.says) {
				t.Errorf("%v, it says:\n%s", err, said)
			}
			at, heard, ok := s.last()
			if ok != (c.ok != nil) || ok && !c.ok(at, heard) {
				t.Errorf("at %v, %v s heard, reported %v", at, heard, ok)
			}
		})
	}
}

// A program that was started and is killed has told where it was a second before. A
// player in which the user has paused the same book is not taken for it.
func TestFollowAProgramThatIsKilled(t *testing.T) {
	newBus(t)
	s := newShelf(t, "book", 50)
	paused, err := newFake("paused")
	if err != nil {
		t.Fatal(err)
	}
	defer paused.leave()
	paused.set("Paused", s.file("book", 1), 10*time.Second)
	began := time.Now()
	t.Setenv("TEST_PLAYER", s.file("book", 1))
	go func() {
		until(t, "a second of listening", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.opened })
		pause := time.NewTimer(4 * time.Second) // it plays by the clock
		defer pause.Stop()
		<-pause.C
		if child := childOf(t); child != 0 {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	}()
	said, err := follow(t, s, "book", os.Args[0])
	if err != nil {
		t.Errorf("%v, it says:\n%s", err, said)
	}
	if at, heard, ok := s.last(); !ok || at < 51.5 || at > 51+time.Since(began).Seconds() || heard < 1.5 {
		t.Errorf("at %v, %v s heard, reported %v", at, heard, ok)
	}
}

// childOf is the process that this test has started as a player.
func childOf(t *testing.T) int {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		t.Error(err)
	}
	for _, d := range dirs {
		var pid, parent int
		var state byte
		if _, err := fmt.Sscan(d.Name(), &pid); err != nil {
			continue
		}
		stat, _ := os.ReadFile("/proc/" + d.Name() + "/stat") // it may be gone
		_, rest, _ := strings.Cut(string(stat), ") ")
		if n, _ := fmt.Sscanf(rest, "%c %d", &state, &parent); n != 2 || parent != os.Getpid() {
			continue
		}
		if env, _ := os.ReadFile("/proc/" + d.Name() + "/environ"); strings.Contains(string(env), "TEST_PLAYER=") {
			if name, _ := os.Readlink("/proc/" + d.Name() + "/exe"); name == mustExe(t) {
				return pid
			}
		}
	}
	return 0
}

func mustExe(t *testing.T) string {
	name, err := os.Executable()
	if err != nil {
		t.Error(err)
	}
	return name
}

// A program that is on no bus runs as it would without us, and the user is told.
func TestFollowWhatTellsNothing(t *testing.T) {
	for _, c := range []struct {
		desc, bus, says string
		argv            []string
		fails           bool
	}{
		{"no bus", "", "not reported", []string{"true"}, false},
		{"a bus that is gone", "unix:path=/nowhere/bus", "not reported", []string{"true"}, false},
		{"it fails", "unix:path=/nowhere/bus", "not reported", []string{"false"}, true},
		{"none is started", "unix:path=/nowhere/bus", "", nil, true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", c.bus)
			t.Setenv("XDG_RUNTIME_DIR", "")
			var said string
			f := Follow{Argv: c.argv, Item: "book", Say: func(text string) { said += text },
				Open: func(context.Context) (*Session, error) { t.Error("a session was opened"); return nil, io.EOF }}
			if err := f.Run(t.Context()); (err != nil) != c.fails || !strings.Contains(said, c.says) {
				t.Errorf("%v, it says %s", err, said)
			}
		})
	}
}

func TestTrackOf(t *testing.T) {
	tracks := []Track{{URL: "http://127.0.0.1:1/api/items/a/file/1"}, {URL: "http://127.0.0.1:1/api/items/a/file/2?token=x"}}
	for address, want := range map[string]int{
		"http://127.0.0.1:1/api/items/a/file/1": 0, "http://127.0.0.1:1/api/items/a/file/2": 1,
		"http://localhost:1/abs/api/items/a/file/2?x=1#t": 1,
		"http://127.0.0.1:1/api/items/a/file/3":           -1, "http://127.0.0.1:1/api/items/b/file/1": -1,
		"file:///api/items/a/file/1": -1, "": -1,
		"http://127.0.0.1:1/api/items/": -1, "%": -1, "http://127.0.0.1:1/api/items/a/file/1/": 0,
	} {
		if got := trackOf(tracks, address); got != want {
			t.Errorf("%s: %d", address, got)
		}
	}
	if !isOf("a", tracks[0].URL) || isOf("b", tracks[0].URL) || isOf("", tracks[0].URL) || isOf("a", "http://x/a/file/1") {
		t.Error("isOf")
	}
}
