package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// resolver is a name server and a network in one: which address answers how.
type resolver struct {
	mu     sync.Mutex
	addrs  []string          // of the name, in the order of the resolver
	answer map[string]string // by address: "dead" is silent, "refuses", else it answers
	dialed []string
	open   int
}

func (r *resolver) lookup(context.Context, string, string) ([]netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.addrs) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: "abs.example", IsNotFound: true}
	}
	var out []netip.Addr
	for _, a := range r.addrs {
		out = append(out, netip.MustParseAddr(a))
	}
	return out, nil
}

type counted struct {
	net.Conn
	of *resolver
}

func (c counted) Close() error {
	c.of.mu.Lock()
	c.of.open--
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (r *resolver) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	r.mu.Lock()
	r.dialed = append(r.dialed, host)
	how := r.answer[host]
	r.mu.Unlock()
	switch how {
	case "dead":
		<-ctx.Done()
		return nil, ctx.Err()
	case "refuses":
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	case "slow":
		time.Sleep(400 * time.Millisecond) // and does not notice that nobody waits any more
	}
	near, far := net.Pipe()
	_ = far.Close()
	r.mu.Lock()
	r.open++
	r.mu.Unlock()
	return counted{near, r}, nil
}

// An address that drops packets costs a quarter of a second once, whatever its family,
// and nothing afterwards.
func TestDialRacesTheAddressesOfAName(t *testing.T) {
	for desc, c := range map[string]struct {
		addrs  string
		answer map[string]string
		first  time.Duration
		dialed string // by the first and second connection
	}{
		"one address":       {"192.0.2.1", nil, 0, "192.0.2.1 192.0.2.1"},
		"two of a family":   {"192.0.2.1 192.0.2.2", map[string]string{"192.0.2.1": "dead"}, 250, "192.0.2.1 192.0.2.2 192.0.2.2"},
		"the first refuses": {"192.0.2.1 192.0.2.2", map[string]string{"192.0.2.1": "refuses"}, 0, "192.0.2.1 192.0.2.2 192.0.2.2"},
		"dead IPv6":         {"2001:db8::1 192.0.2.1", map[string]string{"2001:db8::1": "dead"}, 250, "2001:db8::1 192.0.2.1 192.0.2.1"},
		"two dead of three": {"192.0.2.1 192.0.2.2 192.0.2.3", map[string]string{"192.0.2.1": "dead", "192.0.2.2": "dead"}, 500,
			"192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.3"},
		"families take turns": {"2001:db8::1 2001:db8::2 192.0.2.1", map[string]string{"2001:db8::1": "dead", "2001:db8::2": "dead"}, 250,
			"2001:db8::1 192.0.2.1 192.0.2.1"},
		"IPv4 in IPv6's clothing": {"::ffff:192.0.2.1", nil, 0, "192.0.2.1 192.0.2.1"},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &resolver{addrs: strings.Fields(c.addrs), answer: c.answer}
				race := newRacer(r.dial, r.lookup)
				for i, want := range []time.Duration{c.first * time.Millisecond, 0} {
					begun := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), dialDeadline)
					conn, err := race.DialContext(ctx, "tcp", "abs.example:443")
					cancel()
					if err != nil || time.Since(begun) != want {
						t.Fatalf("connection %d: %v after %v, want %v", i, err, time.Since(begun), want)
					}
					_ = conn.Close()
				}
				if got := strings.Join(r.dialed, " "); got != c.dialed || r.open != 0 {
					t.Errorf("dialled %s, want %s; %d left open", got, c.dialed, r.open)
				}
			})
		})
	}
}

// What was remembered dies or moves away: the others are tried again, and nothing that
// lost the race stays open.
func TestDialForgetsWhatIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resolver{addrs: []string{"192.0.2.1", "192.0.2.2"}, answer: map[string]string{"192.0.2.1": "dead"}}
		race := newRacer(r.dial, r.lookup)
		connect := func() (time.Duration, error) {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), dialDeadline)
			defer cancel()
			conn, err := race.DialContext(ctx, "tcp", "abs.example:443")
			if err == nil {
				_ = conn.Close()
			}
			return time.Since(begun), err
		}
		for i, c := range []struct {
			addrs  string
			answer map[string]string
			want   time.Duration
			fails  bool
		}{
			{"192.0.2.1 192.0.2.2", map[string]string{"192.0.2.1": "dead"}, 250, false},
			{"192.0.2.1 192.0.2.2", map[string]string{"192.0.2.2": "dead"}, 250, false}, // .2 was remembered
			{"192.0.2.1 192.0.2.2", nil, 0, false},
			{"192.0.2.3", nil, 0, false}, // it moved
			{"192.0.2.4 192.0.2.5", map[string]string{"192.0.2.4": "slow", "192.0.2.5": "slow"}, 650, false},
			{"192.0.2.6 192.0.2.7", map[string]string{"192.0.2.6": "dead", "192.0.2.7": "dead"}, 10_000, true},
			{"192.0.2.6 192.0.2.7", map[string]string{"192.0.2.6": "refuses", "192.0.2.7": "refuses"}, 0, true},
			{"", nil, 0, true},
		} {
			r.mu.Lock()
			r.addrs, r.answer = strings.Fields(c.addrs), c.answer
			r.mu.Unlock()
			took, err := connect()
			if took != c.want*time.Millisecond || (err != nil) != c.fails {
				t.Errorf("%d: %v after %v, want %v", i, err, took, c.want*time.Millisecond)
			}
			synctest.Wait()
			if r.open != 0 {
				t.Fatalf("%d: %d connections stay open", i, r.open)
			}
		}
		var dns *net.DNSError
		if _, err := connect(); !errors.As(err, &dns) || !beforeTunnel(err) {
			t.Errorf("no such host: %v", err)
		}
	})
}
