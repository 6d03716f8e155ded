package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/daemon/upstream/roughline"
	"shelfkeeper/wsconn"
)

// listening is a player that listens by way of a line, and the live socket beside it. All
// of it is in memory and in the bubble's time.
type listening struct {
	t      *testing.T
	fake   *absfake.Server
	line   *roughline.Line
	up     *upstream.Upstream
	server *proxy.Server
	tokens *proxytest.LiveTokens
	socket *wsconn.Socket
	losses losses

	mu     sync.Mutex
	bytes  time.Time     // when the stream last brought some
	gap    time.Duration // the longest time in which it brought none
	events time.Time     // when the live socket last brought one
	silent time.Duration // the longest time in which it brought none
}

func listen(t *testing.T, seed uint64) *listening {
	t.Helper()
	fake, err := absfake.New(absfake.Config{LimiterMax: -1, Users: []absfake.User{{Name: "demo", Password: "demo", Type: "root"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	l := &listening{t: t, fake: fake, line: roughline.New(fake.Listen().DialContext, seed), tokens: proxytest.SignedIn(t, fake)}
	base := &url.URL{Scheme: "http", Host: "abs.test"}
	if l.up, err = upstream.New(upstream.Policy{Base: base, ProxyURL: "direct", Dial: l.line.DialContext}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.up.Close)
	l.server, err = proxy.New(proxy.Config{
		Base: base, Transport: l.up.Transport(), Sockets: l.up, Quiet: l.up.Examine, Tokens: l.tokens,
		Grants: &proxytest.Grants{Good: map[string]bool{proxytest.Grant: true}}, Identity: l.tokens.Identity,
		OwnUID: 4711, PeerOf: proxytest.Me, Port: 13379,
	})
	if err != nil {
		t.Fatal(err)
	}
	l.socket = wsconn.New(wsconn.Config{
		Server: l.up, Tokens: l.tokens, Log: slog.New(&l.losses), Events: l.event,
		Watch: wsconn.Watch{Active: l.server.Active, UnderWay: l.server.UnderWay, Suspect: l.up.Examine},
	})
	l.socket.Start()
	t.Cleanup(l.socket.Close)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	running.Go(func() { l.tick(ctx) })
	running.Go(func() { l.play(ctx) })
	time.Sleep(20 * time.Second) // a line is known by then
	l.forget()
	return l
}

// forget begins to measure anew.
func (l *listening) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes.IsZero() || l.events.IsZero() {
		l.t.Fatal("nothing came")
	}
	l.gap, l.silent = 0, 0
}

// worst returns the longest silences of the stream and of the live socket.
func (l *listening) worst() (stream, socket time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.gap, time.Since(l.bytes)), max(l.silent, time.Since(l.events))
}

func (l *listening) event(e wsconn.Event) {
	if e.Name != "user_updated" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.events.IsZero() {
		l.silent = max(l.silent, time.Since(l.events))
	}
	l.events = time.Now()
}

// tick lets the server tell something ten times a second.
func (l *listening) tick(ctx context.Context) {
	path := "/api/me/progress/" + l.fake.Library().Tracks().ID
	for n := 1; ctx.Err() == nil; n++ {
		r := httptest.NewRequest("PATCH", path, strings.NewReader(fmt.Sprintf(`{"currentTime":%d,"duration":1e10}`, n)))
		r.Header.Set("Content-Type", "application/json")
		token, _ := l.tokens.Token(ctx)
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
		l.fake.Handler().ServeHTTP(httptest.NewRecorder(), r)
		pause(ctx, 100*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ask is a request of a player.
func (l *listening) ask(ctx context.Context, w http.ResponseWriter, path string) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	r := httptest.NewRequest("GET", path, nil)
	r.Host = "127.0.0.1:13379"
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	l.server.ServeHTTP(w, r.WithContext(l.server.ConnContext(ctx, near)))
}

// play listens to a book at the pace of lossless audio.
func (l *listening) play(ctx context.Context) {
	book := l.fake.Library().Large()
	path := fmt.Sprintf("/api/items/%s/file/%s", book.ID, book.Files[0].Ino)
	l.ask(ctx, &player{listening: l, ctx: ctx, header: http.Header{}}, path)
}

// player takes an answer slowly.
type player struct {
	*listening
	ctx    context.Context
	header http.Header
}

func (p *player) Header() http.Header { return p.header }
func (p *player) WriteHeader(int)     {}

func (p *player) Write(b []byte) (int, error) {
	p.mu.Lock()
	if now := time.Now(); !p.bytes.IsZero() {
		p.gap, p.bytes = max(p.gap, now.Sub(p.bytes)), now
	} else {
		p.bytes = now
	}
	p.mu.Unlock()
	if pause(p.ctx, time.Duration(len(b))*time.Second/(128<<10)); p.ctx.Err() != nil {
		return 0, errors.New("the player has gone")
	}
	return len(b), nil
}

// A router that forgets all connections is passed within five seconds: by the stream, by
// the live socket, and by a request that is under way, whether its way there or its
// answer got lost.
func TestBlackholeIsPassed(t *testing.T) {
	var worst [3]time.Duration
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) {
			l := listen(t, seed)
			w := httptest.NewRecorder()
			l.ask(t.Context(), w, "/api/libraries") // now a connection rests
			time.Sleep(time.Duration(seed) * 213 * time.Millisecond)
			l.forget()
			at := time.Duration(seed) * 11 * time.Millisecond // 20 ms is the way there
			time.AfterFunc(at, l.line.Forget)
			began := time.Now()
			w = httptest.NewRecorder()
			if l.ask(t.Context(), w, "/api/libraries"); w.Code != http.StatusOK {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
			took := time.Since(began)
			time.Sleep(10 * time.Second)
			stream, socket := l.worst()
			if took > 5*time.Second || stream > 5*time.Second || socket > 5*time.Second {
				t.Errorf("seed %d: the request took %v, the stream brought nothing for %v, the socket for %v", seed, took, stream, socket)
			}
			if at <= 20*time.Millisecond && took < 3*time.Second || l.up.Abandoned() == 0 {
				t.Errorf("the request took %v only", took)
			}
			worst = [3]time.Duration{max(worst[0], took), max(worst[1], stream), max(worst[2], socket)}
			if n := l.fake.Ledger().MaxSockets("demo"); n > 2 { // the forgotten one is still open at the server
				t.Errorf("%d sockets", n)
			}
		})
	}
	t.Logf("longest: the request %v, the stream %v, the socket %v", worst[0], worst[1], worst[2])
}

// serverClosed is why a live socket is down whose server ended it. Audiobookshelf does so
// where its ping is not answered for 20 s, and on a line with 30 % loss TCP may take longer.
const serverClosed = "the server closed the live socket"

// losses keeps why the live socket was lost: what it says first after it was up.
type losses struct {
	mu   sync.Mutex
	down bool
	why  []string
}

func (l *losses) list() []string { l.mu.Lock(); defer l.mu.Unlock(); return slices.Clone(l.why) }

func (l *losses) Enabled(context.Context, slog.Level) bool { return true }
func (l *losses) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *losses) WithGroup(string) slog.Handler            { return l }

// Handle implements slog.Handler.
func (l *losses) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Message == "live socket is up" {
		l.down = false
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "reason" && !l.down {
			l.why, l.down = append(l.why, a.Value.String()), true
		}
		return true
	})
	return nil
}

// No connection is taken for dead that is not: on a line that loses three packets in ten,
// and where the line stalls for three seconds.
func TestRoughLineIsNoBlackhole(t *testing.T) {
	for _, c := range []struct {
		desc  string
		rough func(*roughline.Line)
	}{
		{"30 % loss", func(l *roughline.Line) {
			l.Lose(0.3)
			time.Sleep(3 * time.Minute)
		}},
		{"30 % loss, at times", func(l *roughline.Line) {
			for range 3 {
				l.Lose(0.3)
				time.Sleep(20 * time.Second)
				l.Lose(0)
				time.Sleep(20 * time.Second)
			}
		}},
		{"stalls of three seconds", func(l *roughline.Line) {
			for i := range 20 {
				l.Stall(3 * time.Second)
				time.Sleep(5*time.Second + time.Duration(i)*97*time.Millisecond)
			}
		}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := listen(t, 1)
				ctx, cancel := context.WithCancel(t.Context())
				var asking sync.WaitGroup
				asking.Go(func() {
					for ; ctx.Err() == nil; pause(ctx, time.Second) {
						l.ask(ctx, httptest.NewRecorder(), "/api/libraries")
					}
				})
				c.rough(l.line)
				cancel()
				asking.Wait()
				if n := l.up.Abandoned(); n != 0 {
					t.Errorf("%d connections were taken for dead", n)
				}
				lost := l.losses.list()
				for _, why := range lost {
					if why != serverClosed {
						t.Errorf("the live socket was replaced: %s", why)
					}
				}
				stream, socket := l.worst()
				t.Logf("the stream brought nothing for %v, the socket for %v; %d dials; the server ended %d sockets",
					stream, socket, l.line.Dials(), len(lost))
			})
		})
	}
}
