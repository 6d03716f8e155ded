package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestIdleLife(t *testing.T) {
	type step struct {
		announced string
		cut       time.Duration
	}
	for _, c := range []struct {
		desc, base string
		steps      []step
		want       time.Duration
	}{
		{"http, nothing known", "http://abs.example", nil, plainLife},
		{"https, nothing known", "https://abs.example", nil, usualLife},
		{"Node announces 5 s", "http://abs.example", []step{{announced: "timeout=5"}}, 4 * time.Second},
		{"a gateway passes it on", "https://abs.example", []step{{announced: "timeout=5, max=1000"}}, 4 * time.Second},
		{"a gateway at http announces nothing", "http://abs.example", []step{{announced: ""}}, usualLife},
		{"announced in a form of its own", "http://abs.example", []step{{announced: `max=5, TIMEOUT = "20"`}}, 18 * time.Second},
		{"much is announced", "https://abs.example", []step{{announced: "timeout=86400"}}, usualLife},
		{"2 s", "https://abs.example", []step{{announced: "timeout=2"}}, time.Second},
		{"1 s", "https://abs.example", []step{{announced: "timeout=1"}}, time.Second},
		{"0 s, and rubbish", "https://abs.example", []step{{announced: "timeout=0"}, {announced: "timeout=-3"}, {announced: "timeout"}},
			usualLife},
		{"one cut is an accident", "https://abs.example", []step{{cut: 20 * time.Second}}, usualLife},
		{"two equal ones are a limit", "https://abs.example", []step{{cut: 20 * time.Second}, {cut: 20200 * time.Millisecond}},
			18180 * time.Millisecond},
		{"two unequal ones are none", "https://abs.example", []step{{cut: 20 * time.Second}, {cut: 9 * time.Second}}, usualLife},
		{"cuts at once are none", "https://abs.example", []step{{cut: time.Millisecond}, {cut: time.Millisecond}}, usualLife},
		{"later than it rests", "https://abs.example", []step{{cut: 75 * time.Second}, {cut: 75 * time.Second}}, usualLife},
	} {
		t.Run(c.desc, func(t *testing.T) {
			l := newIdleLife(address(t, c.base))
			for _, s := range c.steps {
				before := l.now
				changed := false
				if s.cut > 0 {
					changed = l.cut(s.cut)
				} else {
					changed = l.announced(s.announced)
				}
				if changed != (l.now != before) {
					t.Errorf("changed %v from %v to %v", changed, before, l.now)
				}
			}
			if l.now != c.want {
				t.Errorf("%v, want %v", l.now, c.want)
			}
		})
	}
}

// A server that closes what rests for two seconds, without a word about it, is found
// out: the connections to it rest for less from then on.
func TestIdleLifeIsLearntFromCuts(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	s.Config.IdleTimeout = 2 * time.Second
	s.Start()
	defer s.Close()
	u := open(t, Policy{Base: address(t, s.URL), ProxyURL: "direct"})
	p := u.ready.Load().poolOf(u.base)
	life := func() idleLife {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.life
	}
	for i := range 4 { // the first answer only says that nothing is announced, and the second follows at once
		if i == 1 {
			p.asked.Store(-int64(time.Minute))
		}
		before := life().last
		if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", s.URL); err != nil {
			t.Fatal(err)
		}
		if i > 1 {
			becomes(t, "the cut is not noticed", func() bool { return life().last != before })
		}
	}
	if now := life().now; now >= 2*time.Second || p.shared.Load().IdleConnTimeout != now {
		t.Errorf("rests for %v, the pool's for %v", now, p.shared.Load().IdleConnTimeout)
	}
}
