package upstream

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// attemptDelay is how long one address of a name may be silent before the next one
	// is tried beside it (RFC 8305, 5).
	attemptDelay = 250 * time.Millisecond
	// maxAttempts bounds the addresses of a name that are tried.
	maxAttempts = 16
	// maxRemembered bounds the names whose best address is remembered: the server's, and
	// those of proxies.
	maxRemembered = 64
)

// racer dials a name by all its addresses, one after the other in short intervals, and
// remembers which one answered. net.Dialer races the two families alone: an address
// that drops packets costs it half of the deadline at each connection.
type racer struct {
	dial   dialFunc
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

	mu   sync.Mutex
	best map[string]netip.Addr // by host and port
}

func newRacer(dial dialFunc, lookup func(context.Context, string, string) ([]netip.Addr, error)) *racer {
	return &racer{dial: dial, lookup: lookup, best: map[string]netip.Addr{}}
}

// DialContext is net.Dialer's for TCP.
func (r *racer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return r.dial(ctx, network, addr) // its error names what is wrong
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return r.dial(ctx, network, addr)
	}
	found, err := r.lookup(ctx, "ip", host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	list := r.order(addr, found)
	if len(list) == 0 {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	conn, at, err := r.race(ctx, network, port, list)
	if err == nil {
		r.remember(addr, at)
	}
	return conn, err
}

// order puts the address that answered last time first, and lets the families take
// turns, as RFC 8305 says.
func (r *racer) order(addr string, found []netip.Addr) []netip.Addr {
	r.mu.Lock()
	best := r.best[addr]
	r.mu.Unlock()
	var list, six, four []netip.Addr
	for _, a := range found {
		switch a = a.Unmap(); {
		case a == best:
			list = append(list, a)
		case a.Is4():
			four = append(four, a)
		default:
			six = append(six, a)
		}
	}
	first, second := six, four
	if len(found) > 0 && found[0].Unmap().Is4() { // the resolver sorts by what the machine can reach
		first, second = four, six
	}
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			list = append(list, first[i])
		}
		if i < len(second) {
			list = append(list, second[i])
		}
	}
	return list[:min(len(list), maxAttempts)]
}

func (r *racer) remember(addr string, at netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.best[addr]; !known && len(r.best) >= maxRemembered {
		clear(r.best)
	}
	r.best[addr] = at
}

type attempt struct {
	conn net.Conn
	at   netip.Addr
	err  error
}

// race returns the first connection that comes about, or the first error when none
// does. All attempts have ended when it returns.
func (r *racer) race(ctx context.Context, network, port string, list []netip.Addr) (net.Conn, netip.Addr, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan attempt, len(list))
	running, next := 0, 0
	start := func() {
		at := list[next]
		next++
		running++
		go func() {
			conn, err := r.dial(ctx, network, net.JoinHostPort(at.String(), port))
			ended <- attempt{conn, at, err}
		}()
	}
	delay := time.NewTimer(attemptDelay)
	defer delay.Stop()
	start()
	var won attempt
	var failed error
	for running > 0 {
		select {
		case a := <-ended:
			running--
			switch {
			case a.err == nil && won.conn == nil:
				won = a
				cancel()
			case a.err == nil:
				_ = a.conn.Close()
			case failed == nil:
				failed = a.err
			}
			if a.err != nil && won.conn == nil && next < len(list) && ctx.Err() == nil {
				start()
				delay.Reset(attemptDelay)
			}
		case <-delay.C:
			if next < len(list) && won.conn == nil && ctx.Err() == nil {
				start()
				delay.Reset(attemptDelay)
			}
		}
	}
	if won.conn != nil {
		return won.conn, won.at, nil
	}
	return nil, netip.Addr{}, failed
}
