// Package netmon tells when the machine's way to the network has changed, and
// when time has jumped: the moments at which a connection that looks alive may
// be dead, and a server that could not be reached may be there again.
//
// It exists because nothing else says so. A connection over a link that is
// gone stays silent for minutes, and a timer knows nothing of the hours in
// which the machine slept. It never opens a connection, sends nothing, and
// never says that something is dead: it says when to ask.
//
// The kernel's own notices wake it (netlink, route socket, iphlpapi), and what
// they are about is read anew and compared, so that nobody has to trust a
// message. tailscale.com/net/netmon v1.102.0 does the same and more; linked
// into this program it was measured at 2.16 MB of stripped binary, 57
// packages and four goroutines. This package costs 94 kB, two goroutines, a
// third for the clock on Linux, and no wakeup while nothing happens but one
// tick of the clock in half a minute.
package netmon

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Reason is why connections should be looked at, in one or two words.
type Reason string

// The reasons, gravest first: of several changes at once the first one names
// the event.
const (
	WayChanged     Reason = "route changed"   // the default way leads elsewhere, or has come or gone
	LinkDown       Reason = "link down"       // a link with an address has gone
	LinkUp         Reason = "link up"         // one has come
	AddressChanged Reason = "address changed" // a link has other addresses
	Woke           Reason = "woke up"         // the machine slept, or this process did not run
	ClockSet       Reason = "clock set"       // the wall clock was moved
)

// Event is one change, debounced. It holds no secret.
type Event struct {
	Reason Reason
	Detail string // for a log: which links and addresses, or how long
	// Gone are the machine's former addresses, with those that it lost while it
	// was not online. A connection from one of them cannot go on while Online
	// is true: packets leave from another one.
	Gone []netip.Addr
	// Online reports whether there is a way out at all.
	Online bool
	// Asleep is for how long nothing could be noticed; 0 unless Woke.
	Asleep time.Duration
}

// String is the reason with its detail.
func (e Event) String() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

const (
	// quiet and most are how long the notices of one change are gathered: a
	// handoff is 9 to 20 of them within 15 ms (measured with two veth links).
	quiet = 40 * time.Millisecond
	most  = 200 * time.Millisecond
	// pollEvery is how often the state is read where the system gives no notice.
	pollEvery = 10 * time.Second
)

// Config is what a Monitor works with; both are required.
type Config struct {
	// Changed is called with each event, one at a time and in order. It must
	// return: what happens meanwhile is gathered into one event.
	Changed func(Event)
	Log     *slog.Logger
}

// system is what a Monitor asks; tests put another one in its place.
type system struct {
	read  func() (State, error)
	now   func() reading
	watch func(ctx context.Context, poke func()) error // until ctx ends; an error means that there is none
	alarm func(ctx context.Context, poke func()) error // likewise, for clocks that are set
	tick  time.Duration
}

// Monitor watches until Close.
type Monitor struct {
	cfg     Config
	sys     system
	links   chan struct{} // a notice; holds one
	clock   chan struct{}
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New returns a Monitor that does nothing yet.
func New(cfg Config) *Monitor {
	return newMonitor(cfg, system{read: readState, now: readClocks, watch: watchLinks, alarm: watchClock, tick: tickEvery})
}

func newMonitor(cfg Config, sys system) *Monitor {
	return &Monitor{cfg: cfg, sys: sys, links: make(chan struct{}, 1), clock: make(chan struct{}, 1)}
}

// Start begins to watch and returns at once. It is called once.
func (m *Monitor) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.running.Go(func() {
		if err := m.sys.watch(ctx, func() { poke(m.links) }); err != nil && ctx.Err() == nil {
			m.cfg.Log.Info("no notice of network changes from the system; looking for them", "reason", err.Error(), "every", pollEvery)
			m.poll(ctx)
		}
	})
	m.running.Go(func() {
		if err := m.sys.alarm(ctx, func() { poke(m.clock) }); err != nil && ctx.Err() == nil {
			m.cfg.Log.Debug("no notice of clock changes from the system", "reason", err.Error())
		}
	})
	m.running.Go(func() { m.run(ctx) })
}

// Close stops watching and waits, also for a call of Changed.
func (m *Monitor) Close() {
	if m.cancel != nil {
		m.cancel()
	}
	m.running.Wait()
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (m *Monitor) poll(ctx context.Context) {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			poke(m.links)
		case <-ctx.Done():
			return
		}
	}
}

// run compares, and tells.
func (m *Monitor) run(ctx context.Context) {
	state, _ := m.sys.read() // what cannot be read now is a change later
	seen := m.sys.now()
	var gone []netip.Addr // lost since there was a way out
	timer := time.NewTimer(m.sys.tick)
	defer timer.Stop()
	for {
		planned := m.sys.tick
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-m.clock:
			planned = 0 // it may have come at any time
		case <-m.links:
			if !m.settle(ctx) {
				return
			}
			now, err := m.sys.read()
			if err != nil {
				m.cfg.Log.Debug("the network's state cannot be read", "reason", err.Error())
				break
			}
			if e, changed := delta(state, now); changed {
				state = now
				e.Gone = slices.DeleteFunc(append(gone, e.Gone...), now.has)
				if gone = nil; !e.Online {
					gone = slices.Clone(e.Gone)
				}
				m.tell(e)
			}
			continue // the tick stays as it was set
		}
		now := m.sys.now()
		if e, jumped := jump(seen, now, planned); jumped {
			e.Online = state.online()
			m.tell(e)
			poke(m.links) // notices may have been missed
		}
		seen = now
		timer.Reset(m.sys.tick)
	}
}

func (m *Monitor) tell(e Event) {
	m.cfg.Log.Info("network event", "reason", string(e.Reason), "detail", e.Detail, "online", e.Online)
	m.cfg.Changed(e)
}

// settle waits until no notice has come for a moment, and reports whether ctx
// lasted.
func (m *Monitor) settle(ctx context.Context) bool {
	over := time.NewTimer(most)
	defer over.Stop()
	for {
		calm := time.NewTimer(quiet)
		select {
		case <-m.links:
			calm.Stop()
		case <-calm.C:
			return true
		case <-over.C:
			calm.Stop()
			return true
		case <-ctx.Done():
			calm.Stop()
			return false
		}
	}
}
