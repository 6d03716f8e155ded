package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/netmon"
	"shelfkeeper/daemon/upstream"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		desc   string
		good   []bool
		now    int
		steady bool
		pick   int
		doubt  bool
	}{
		{"nothing answers", []bool{false, false}, -1, false, -1, false},
		{"nothing answers any more", []bool{false, false}, 1, false, -1, false},
		{"the first", []bool{true, true}, -1, false, 0, false},
		{"what there is", []bool{false, true}, -1, false, 1, false},
		{"what there is, for one that is gone", []bool{false, true}, 0, false, 1, false},
		{"the first of those left", []bool{true, false, true}, 1, false, 0, false},
		{"one that works is left alone", []bool{true, true}, 1, false, 1, true},
		{"until a better one is steady", []bool{true, true}, 1, true, 0, false},
		{"a worse one is nothing", []bool{true, true}, 0, true, 0, false},
		{"no better one", []bool{false, true, true}, 1, true, 1, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			if pick, doubt := choose(c.good, c.now, c.steady); pick != c.pick || doubt != c.doubt {
				t.Errorf("got %d, %v", pick, doubt)
			}
		})
	}
}

func TestStrangersAreStruckOut(t *testing.T) {
	own, late := absapi.Status{Version: "2.36.0", AuthMethods: []string{"local", "openid"}}, errors.New("late")
	turned := absapi.Status{Version: "2.36.0", AuthMethods: []string{"openid", "local"}}
	older, newer := absapi.Status{Version: "2.35.0"}, absapi.Status{Version: "2.37.0"}
	for _, c := range []struct {
		desc    string
		base    int // of http, https, https
		answers []answer
		known   string
		good    string // 1 for those that stay
	}{
		{"all the same", 1, []answer{{status: turned}, {status: own}, {status: own}}, "2.36.0", "111"},
		{"plain http is another one", 1, []answer{{status: older}, {status: own}, {err: late}}, "2.36.0", "010"},
		{"newer, but another one", 1, []answer{{status: newer}, {status: own}, {err: late}}, "2.36.0", "010"},
		{"other sign-in methods", 1, []answer{{status: absapi.Status{Version: "2.36.0"}}, {status: own}, {err: late}}, "2.36.0", "010"},
		{"the own certificate decides", 2, []answer{{status: newer}, {status: own}, {status: newer}}, "2.36.0", "101"},
		{"an old one's certificate does not", 0, []answer{{status: own}, {status: older}, {err: late}}, "2.36.0", "100"},
		{"alone, as known", 0, []answer{{status: own}, {err: late}, {err: late}}, "2.36.0", "100"},
		{"alone, after an upgrade", 0, []answer{{status: newer}, {err: late}, {err: late}}, "2.36.0", "100"},
		{"alone, but older", 0, []answer{{status: older}, {err: late}, {err: late}}, "2.36.0", "000"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			list := parsed(t, "http://192.168.1.5", "https://one.test", "https://two.test")
			strikeOut(list, list[c.base], c.answers, c.known)
			good := ""
			for _, a := range c.answers {
				good += map[bool]string{true: "1", false: "0"}[a.err == nil]
			}
			if good != c.good {
				t.Errorf("stay %s, want %s", good, c.good)
			}
		})
	}
}

func parsed(t *testing.T, texts ...string) (out []*url.URL) {
	t.Helper()
	for _, s := range texts {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u)
	}
	return out
}

// places is a network in which servers stand at addresses, as long as they do.
type places struct {
	mu    sync.Mutex
	dial  map[string]func(context.Context, string, string) (net.Conn, error)
	conns map[string][]net.Conn
}

func newPlaces() *places {
	return &places{dial: map[string]func(context.Context, string, string) (net.Conn, error){}, conns: map[string][]net.Conn{}}
}

// put lets connections to addr be made by dial from now on, and cuts those
// that are; nil refuses them.
func (p *places) put(addr string, dial func(context.Context, string, string) (net.Conn, error)) {
	p.mu.Lock()
	old := p.conns[addr]
	p.dial[addr], p.conns[addr] = dial, nil
	p.mu.Unlock()
	for _, c := range old {
		_ = c.Close()
	}
}

func (p *places) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	p.mu.Lock()
	dial := p.dial[addr]
	p.mu.Unlock()
	if dial == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	c, err := dial(ctx, network, addr)
	if err == nil {
		p.mu.Lock()
		p.conns[addr] = append(p.conns[addr], c)
		p.mu.Unlock()
	}
	return c, err
}

// From home into a network where somebody else's machine has the server's
// address there, and back. No request but /status comes to the stranger.
func TestAddressesAtHomeAndAway(t *testing.T) {
	const home, away = "192.168.1.5:80", "10.9.9.9:80"
	for _, stranger := range []struct {
		desc  string
		fault *absfake.Fault
		cfg   absfake.Config
	}{
		{"an older Audiobookshelf", nil, absfake.Config{Release: absfake.R2332}},
		{"one without users", nil, absfake.Config{Uninitialised: true}},
		{"a captive portal", &absfake.Fault{Kind: absfake.Portal}, absfake.Config{}},
		{"another program", &absfake.Fault{Kind: absfake.Answer, Status: 200, Body: `{"app":"jellyfin"}`, ContentType: "application/json"}, absfake.Config{}},
	} {
		t.Run(stranger.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				own, err := absfake.New(absfake.Config{})
				if err != nil {
					t.Fatal(err)
				}
				other, err := absfake.New(stranger.cfg)
				if err != nil {
					t.Fatal(err)
				}
				if stranger.fault != nil {
					other.Inject(*stranger.fault)
				}
				atOwn, atOther := own.Listen(), other.Listen()
				where := newPlaces()
				where.put(away, atOwn.DialContext)
				list := parsed(t, "http://192.168.1.5", "http://10.9.9.9")
				up, err := upstream.New(upstream.Policy{Base: list[1], Addresses: list, TrustHTTP: true, Dial: where.DialContext})
				if err != nil {
					t.Fatal(err)
				}
				a := newAddresses(up, func() string { return "2.36.0" }, slog.New(slog.DiscardHandler))
				ctx, cancel := context.WithCancel(t.Context())
				ran := make(chan struct{})
				go func() { defer close(ran); a.run(ctx, func(string) {}) }()
				defer func() {
					cancel()
					<-ran
					up.Close()
					if err := errors.Join(own.Close(), other.Close()); err != nil {
						t.Error(err)
					}
				}()
				ask := func(desc, want string) {
					t.Helper()
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, up.Base().String()+"/api/me", nil)
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("Authorization", "Bearer s3cret")
					resp, err := up.Transport().RoundTrip(r)
					if err != nil {
						t.Fatalf("%s: %v", desc, err)
					}
					_ = resp.Body.Close()
					if common, _ := up.InUse(); common.Host+":80" != want {
						t.Errorf("%s: %s in use", desc, common)
					}
				}
				ask("at the start, away", away)
				where.put(home, atOwn.DialContext)
				a.network("at home")
				ask("at home", home)
				where.put(home, atOther.DialContext)
				a.network("in a cafe")
				ask("in a cafe", away)
				time.Sleep(time.Hour)
				ask("an hour later", away)
				where.put(home, nil)
				a.look("nothing changed")
				time.Sleep(time.Minute)
				// A better address comes back by itself: it has to be there twice.
				where.put(home, atOwn.DialContext)
				a.look("it may be back")
				time.Sleep(steadyAfter / 2)
				ask("left alone", away)
				time.Sleep(steadyAfter)
				ask("steady", home)
				for _, e := range other.Ledger().Entries() {
					if e.Path != "/status" || e.TokenKind != "" || e.Token != "" || e.Refresh != "" {
						t.Errorf("the stranger got %s %s with %q", e.Method, e.Path, e.TokenKind)
					}
				}
				if len(other.Ledger().Entries()) == 0 {
					t.Error("the stranger was never asked: nothing was proved")
				}
			})
		})
	}
}

// The account's whole desk goes from one address to the other: the socket, and
// a download under way, which does not notice.
func TestDeskMovesToAnotherAddress(t *testing.T) {
	fake, h := realHome(t)
	account := h.Book.All()[0]
	public := strings.TrimPrefix(account.Server, "http://")
	const lan = "127.0.0.1:9"
	where := newPlaces()
	real := h.Dial
	where.put(public, real)
	where.put(lan, func(ctx context.Context, network, _ string) (net.Conn, error) { return real(ctx, network, public) })
	h.Dial = where.DialContext
	text := "[upstream]\ntrust_http = true\naddresses = [\"http://" + lan + "\", \"" + account.Server + "\"]\n"
	if err := os.WriteFile(h.Paths.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.Config, err = config.Load(h.Paths.Config); err != nil {
		t.Fatal(err)
	}
	d, err := h.newDesk(account, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.start(func() {})
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	sockets := func(n int64) {
		t.Helper()
		if err := fake.Ledger().Wait(ctx, func(l *absfake.Ledger) bool { return l.SocketsOpened() == n && len(l.OpenSockets("demo")) == 1 }); err != nil {
			t.Fatal(err)
		}
	}
	sockets(1)
	if got := d.snapshot().Address; got != "http://"+lan {
		t.Errorf("in use: %s", got)
	}
	// Sleep and wake: what works is asked, and stays.
	d.network(netmon.Event{Reason: netmon.Woke, Asleep: time.Hour, Online: true})
	if resp, err := http.Get(d.url() + "/api/me"); err != nil || resp.StatusCode != http.StatusOK || resp.Body.Close() != nil {
		t.Fatalf("after waking: %v, %v", resp, err)
	}
	sockets(1)
	book := fake.Library().Large()
	file := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
	whole := sha256.New()
	running, err := http.Get(d.url() + file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = running.Body.Close() }()
	if _, err := io.CopyN(whole, running.Body, 1<<16); err != nil {
		t.Fatal(err)
	}
	where.put(lan, nil)
	d.network(netmon.Event{Reason: netmon.Woke, Asleep: time.Hour, Online: true})
	sockets(2)
	if _, err := io.Copy(whole, running.Body); err != nil {
		t.Fatalf("the download under way: %v", err)
	}
	again := sha256.New()
	if resp, err := http.Get(d.url() + file); err != nil {
		t.Fatal(err)
	} else if _, err := io.Copy(again, resp.Body); err != nil || resp.Body.Close() != nil {
		t.Fatal(err)
	}
	if resumed := d.snapshot().Proxy.Resumed; resumed == 0 || !bytes.Equal(whole.Sum(nil), again.Sum(nil)) {
		t.Errorf("%d streams went on, or the bytes differ", resumed)
	}
	resp, err := http.Get(d.url() + "/api/me")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := d.snapshot().Address; resp.StatusCode != http.StatusOK || got != account.Server {
		t.Errorf("%s through %s", resp.Status, got)
	}
	if n := fake.Ledger().MaxSockets("demo"); n != 1 {
		t.Errorf("%d sockets at one time", n)
	}
}
