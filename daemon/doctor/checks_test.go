package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/upstream"
)

// runAt is an examination of an address, whose network is the given one.
func runAt(t *testing.T, address string, s Subject) *run {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if s.Up, err = upstream.New(upstream.Policy{Base: base, ProxyURL: "direct", Dial: s.Dial}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Up.Close)
	return &run{Subject: s, base: base}
}

// to leads every dial to the address that the port stands for; a port without one is closed.
func to(ports map[string]string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if ports[port] == "" {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return (&net.Dialer{}).DialContext(ctx, network, ports[port])
	}
}

func TestForwardedProto(t *testing.T) {
	since := time.Now()
	for desc, c := range map[string]struct {
		address string
		cookie  absapi.CookieMark
		release string
		verdict Verdict
		says    string
	}{
		"marked":              {"https://b", absapi.CookieSecure, "2.36.0", OK, "knows"},
		"not marked":          {"https://b", absapi.CookiePlain, "2.36.0", Fault, "X-Forwarded-Proto $scheme"},
		"an old one, a list":  {"https://b", absapi.CookiePlain, "2.33.2", Fault, "not a list"},
		"no renewal yet":      {"https://b", "", "2.36.0", Unknown, "none yet"},
		"plain http has none": {"http://b", absapi.CookiePlain, "2.36.0", "", ""},
	} {
		r := runAt(t, c.address, Subject{Renewals: func() Renewals { return Renewals{Cookie: c.cookie, CookieAt: since} }})
		r.status.Version = c.release
		if f := r.forwardedProto(t.Context()); f.Verdict != c.verdict || !strings.Contains(f.Evidence+f.Remedy, c.says) {
			t.Errorf("%s: %v", desc, f)
		}
	}
}

// What the server has counted and this machine has not sent is somebody else's.
func TestLimits(t *testing.T) {
	now := time.Now()
	limit := func(limit, remaining int) absapi.RateLimit {
		return absapi.RateLimit{Present: true, Limit: limit, Remaining: remaining, Reset: 9 * time.Minute, Window: 10 * time.Minute}
	}
	for desc, c := range map[string]struct {
		address string
		limit   absapi.RateLimit
		as      *absapi.RateLimit
		spent   int
		direct  bool
		verdict Verdict
	}{
		"ours alone":                {"https://192.168.1.2", limit(40, 37), nil, 3, false, OK},
		"a browser beside us":       {"https://192.168.1.2", limit(40, 35), nil, 3, false, OK},
		"many others":               {"https://192.168.1.2", limit(40, 20), nil, 3, false, Fault},
		"many others, no gateway":   {"http://192.168.1.2", limit(40, 20), nil, 3, true, OK},
		"many others, the internet": {"https://8.8.8.8", limit(40, 20), nil, 3, false, Note},
		"counted by our own address": {"https://192.168.1.2", limit(40, 37), &absapi.RateLimit{Present: true, Limit: 40, Remaining: 36}, 3,
			false, OK},
		"counted by the gateway's": {"https://192.168.1.2", limit(40, 37), &absapi.RateLimit{Present: true, Limit: 40, Remaining: 39}, 3,
			false, Fault},
		"no limiter": {"https://192.168.1.2", absapi.RateLimit{}, nil, 3, false, ""},
	} {
		var spent []time.Time
		for range c.spent {
			spent = append(spent, now)
		}
		r := runAt(t, c.address, Subject{Renewals: func() Renewals { return Renewals{Spent: spent} }})
		r.limit, r.as, r.direct, r.limitAt, r.spent = c.limit, c.as, c.direct, now, mostSpent
		if f := r.limiterShared(t.Context()); f.Verdict != c.verdict {
			t.Errorf("%s: %v", desc, f)
		}
	}
	for desc, c := range map[string]struct {
		limit   absapi.RateLimit
		known   Renewals
		direct  bool
		verdict Verdict
		says    string
	}{
		"usual":                  {limit(40, 37), Renewals{}, false, OK, "40 sign-ins and renewals in 10 minutes"},
		"few":                    {limit(5, 4), Renewals{}, false, Note, "RATE_LIMIT_AUTH_MAX"},
		"none":                   {absapi.RateLimit{}, Renewals{}, true, Note, "as fast as"},
		"none, as a renewal saw": {absapi.RateLimit{}, Renewals{Off: true}, false, Note, "as fast as"},
		"as a renewal saw":       {absapi.RateLimit{}, Renewals{Limit: 20, Window: time.Minute}, false, OK, "the last renewal"},
		"nobody saw":             {absapi.RateLimit{}, Renewals{}, false, Unknown, "headers"},
	} {
		r := runAt(t, "https://b", Subject{Renewals: func() Renewals { return c.known }})
		r.limit, r.direct = c.limit, c.direct
		if f := r.limiter(t.Context()); f.Verdict != c.verdict || !strings.Contains(f.Evidence+f.Remedy, c.says) {
			t.Errorf("%s: %v", desc, f)
		}
	}
}

func TestReleases(t *testing.T) {
	for release, want := range map[string][]string{
		"2.25.1": {"never end", "can end the server"},
		"2.26.3": {"can end the server", "no grace", "same second", "taken as an access token", "security fixes of 2.33.2", "7 days"},
		"2.33.2": {"no grace", "same second", "taken as an access token"},
		"2.35.0": {"same second", "taken as an access token"},
		"2.35.1": {"taken as an access token"},
		"2.36.0": nil,
	} {
		r := &run{status: absapi.Status{Version: release}}
		f := r.release(t.Context())
		for _, part := range want {
			if !strings.Contains(f.Evidence, part) {
				t.Errorf("%s lacks %q: %v", release, part, f)
			}
		}
		if want == nil != (f.Verdict == OK) || release == "2.35.0" && strings.Contains(f.Evidence, "grace") {
			t.Errorf("%s: %v", release, f)
		}
	}
}

func TestSessionTokensAndKeys(t *testing.T) {
	day := 24 * time.Hour
	lost := &Loss{At: time.Now(), Cause: history.RanOut, Sentence: "it ran out", Remedy: "run `shelfkeeper login`"}
	found := func(look func(*run, context.Context) Finding, s *Session) Finding {
		return look(&run{Subject: Subject{Session: s, Account: "home"}}, t.Context())
	}
	for desc, c := range map[string]struct {
		got     Finding
		verdict Verdict
		says    string
	}{
		"no account": {found((*run).session, nil), "", ""},
		"no loss":    {found((*run).session, &Session{}), OK, "no loss"},
		"lost":       {found((*run).session, &Session{Loss: lost}), Fault, "it ran out"},
		"brought back": {found((*run).session, &Session{Loss: &Loss{Sentence: "it ran out", Recovered: true}}), OK,
			"brought back"},
		"the daemon waits": {found((*run).session, &Session{Trouble: "locked", Remedy: "unlock NAME"}), Fault, "unlock home"},
		"usual": {found((*run).tokens, &Session{AccessLife: time.Hour, RefreshLife: 30 * day}), OK,
			"1 hour, sessions 30 days"},
		"long access":       {found((*run).tokens, &Session{AccessLife: 7 * day, RefreshLife: 30 * day}), Note, "stolen"},
		"short access":      {found((*run).tokens, &Session{AccessLife: time.Minute, RefreshLife: 30 * day}), Note, "each renewal"},
		"short session":     {found((*run).tokens, &Session{AccessLife: time.Hour, RefreshLife: 7 * day}), Note, "fortnight"},
		"half known":        {found((*run).tokens, &Session{RefreshLife: 30 * day}), OK, "unknown time"},
		"not known":         {found((*run).tokens, &Session{}), Unknown, ""},
		"a key has no pair": {found((*run).tokens, &Session{Key: &Key{}}), "", ""},
		"no key":            {found((*run).apiKey, &Session{}), "", ""},
		"an old key":        {found((*run).apiKey, &Session{Key: &Key{Issued: time.Now().Add(-400 * day)}}), Note, "make a new key"},
		"a young key":       {found((*run).apiKey, &Session{Key: &Key{Issued: time.Now().Add(-4 * day)}}), OK, "never ends"},
		"a key that ends": {found((*run).apiKey, &Session{Key: &Key{Issued: time.Now(), Ends: time.Now().Add(day)}}), Note,
			"ends on"},
		"a key with time": {found((*run).apiKey, &Session{Key: &Key{Issued: time.Now(), Ends: time.Now().Add(99 * day)}}), OK,
			"good until"},
		"a token that never ends": {found((*run).apiKey, &Session{Key: &Key{Legacy: true}}), Note, "never ends"},
	} {
		if c.got.Verdict != c.verdict || !strings.Contains(c.got.Evidence+c.got.Remedy, c.says) {
			t.Errorf("%s: %v", desc, c.got)
		}
	}
}

// A live socket joins the namespace and answers pings, as the server wants it of idle
// ones too; how long it lived is told.
func TestIdleSocket(t *testing.T) {
	heard := make(chan string, 4)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for _, say := range []string{"0{}", "2"} {
			err = errors.Join(err, conn.WriteMessage(websocket.TextMessage, []byte(say)))
		}
		for range 2 {
			_, data, failed := conn.ReadMessage()
			err = errors.Join(err, failed)
			heard <- string(data)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	r := runAt(t, s.URL, Subject{watch: time.Minute})
	if f := r.websocket(t.Context()); f.Verdict != OK {
		t.Fatalf("%v", f)
	}
	defer func() { r.socket.close() }()
	if one, two := <-heard, <-heard; one != "40" || two != "3" {
		t.Errorf("it said %q and %q", one, two)
	}
	if f := r.idleSocket(t.Context()); f.Verdict != Fault || !strings.Contains(f.Evidence, "cut after") {
		t.Errorf("%v", f)
	}
	r.socket.begun = r.socket.begun.Add(-40 * time.Second)
	if f := r.idleSocket(t.Context()); f.Verdict != Note || !strings.Contains(f.Evidence, "cut after 40s") {
		t.Errorf("later: %v", f)
	}
	r.watch = 30 * time.Second
	if f := r.idleSocket(t.Context()); f.Verdict != OK {
		t.Errorf("after its time: %v", f)
	}
}
