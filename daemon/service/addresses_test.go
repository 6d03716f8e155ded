package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/upstream"
)

func TestChooseAddress(t *testing.T) {
	for _, c := range []struct {
		desc   string
		good   []bool
		now    int
		steady bool
		pick   int
		better bool
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
			if pick, better := chooseAddress(c.good, c.now, c.steady); pick != c.pick || better != c.better {
				t.Errorf("got %d, %v", pick, better)
			}
		})
	}
}

func TestStrangersAreRejected(t *testing.T) {
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
			rejectStrangers(list, list[c.base], c.answers, c.known)
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
		{"another program", &absfake.Fault{Kind: absfake.Answer, Status: 200, Body: `{"app":"jellyfin"}`,
			ContentType: "application/json"}, absfake.Config{}},
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
