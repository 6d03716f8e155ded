// Package netmon reports changes of the machine's network and jumps of time. At
// these moments a connection that looks alive may be dead, and a server that could
// not be reached may be back.
//
// It exists because nothing else reports them. A connection over a lost link stays
// silent for minutes, and a timer does not count the hours in which the machine
// slept. The package opens no connection, sends nothing and declares no connection
// dead: it only says when a check is due.
//
// Notices of the kernel wake it (netlink, route socket, iphlpapi). It does not
// trust their content: it reads the state again and compares. tailscale.com/net/
// netmon v1.102.0 does the same and more; linked into this program it was measured
// at 2.16 MB of stripped binary, 57 packages and four goroutines. This package
// costs 94 kB and two goroutines, on Linux a third one for the clock. While
// nothing happens its only wake-up is one tick of the clock in five minutes.
package netmon

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Reason names the kind of an Event in one or two words.
type Reason string

// The reasons in order of gravity. Of several changes at once the gravest one names
// the event.
const (
	RouteChanged   Reason = "route changed"   // the default route is another one, has come or has gone
	LinkDown       Reason = "link down"       // a link with an address has gone
	LinkUp         Reason = "link up"         // such a link has come
	AddressChanged Reason = "address changed" // a link has other addresses
	Woke           Reason = "woke up"         // the machine slept, or this process did not run
	ClockSet       Reason = "clock set"       // the wall clock was moved
)

// Event is one change, debounced. It holds no secret.
type Event struct {
	Reason Reason
	Detail string // for a log: which links and addresses, or how long
	// Gone are the addresses that the machine has lost, also those that it lost
	// while it was offline. While Online is true a connection from one of them
	// cannot work: packets leave from another address.
	Gone []netip.Addr
	// Online reports whether there is a default route.
	Online bool
	// Asleep is how long the process did not run; 0 unless Woke.
	Asleep time.Duration
}

// String returns the reason with its detail.
func (e Event) String() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

const (
	// quietPeriod and gatherMost bound how long the notices of one change are
	// gathered: a handoff causes 9 to 20 of them within 15 ms (measured with two
	// veth links).
	quietPeriod = 40 * time.Millisecond
	gatherMost  = 200 * time.Millisecond
	// pollInterval is how often the state is read when the system gives no notices.
	pollInterval = 10 * time.Second
)

// Config is the configuration of a Monitor. Both fields are required.
type Config struct {
	// Changed is called with each event, one at a time and in order. It must
	// return: changes during a call are gathered into one event.
	Changed func(Event)
	Log     *slog.Logger
}

// system is the operating system as a Monitor sees it. Tests replace it.
type system struct {
	read  func() (State, error)
	now   func() reading
	watch func(ctx context.Context, signal func()) error // runs until ctx ends; an error means that there are no notices
	alarm func(ctx context.Context, signal func()) error // likewise, for a clock that is set
	tick  time.Duration                                  // how often the clocks are read where alarm tells nothing
	calm  time.Duration                                  // likewise, where it tells
}

// Monitor watches the network and the clocks until Close.
type Monitor struct {
	cfg     Config
	sys     system
	links   chan struct{} // a notice; holds one
	clock   chan struct{}
	alone   atomic.Bool // nothing tells of clocks
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New returns a Monitor that does nothing yet.
func New(cfg Config) *Monitor {
	return newMonitor(cfg, system{read: readState, now: readClocks, watch: watchLinks, alarm: watchClock, tick: tickInterval,
		calm: calmInterval})
}

func newMonitor(cfg Config, sys system) *Monitor {
	return &Monitor{cfg: cfg, sys: sys, links: make(chan struct{}, 1), clock: make(chan struct{}, 1)}
}

// Start begins to watch and returns at once. It is called once.
func (m *Monitor) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.running.Go(func() {
		if err := m.sys.watch(ctx, func() { signal(m.links) }); err != nil && ctx.Err() == nil {
			m.cfg.Log.Info("no notice of network changes from the system; looking for them", "reason", err.Error(), "every", pollInterval)
			m.poll(ctx)
		}
	})
	m.running.Go(func() {
		if err := m.sys.alarm(ctx, func() { signal(m.clock) }); err != nil && ctx.Err() == nil {
			m.cfg.Log.Debug("no notice of clock changes from the system", "reason", err.Error())
			m.alone.Store(true)
			signal(m.clock)
		}
	})
	m.running.Go(func() { m.run(ctx) })
}

// Close stops the Monitor and waits for its goroutines, a call of Changed
// included.
func (m *Monitor) Close() {
	if m.cancel != nil {
		m.cancel()
	}
	m.running.Wait()
}

// signal wakes the receiver of c, which holds one signal. It never blocks.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (m *Monitor) poll(ctx context.Context) {
	t := time.NewTicker(pollInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			signal(m.links)
		case <-ctx.Done():
			return
		}
	}
}

// run reads the state after each notice, compares, and reports changes.
func (m *Monitor) run(ctx context.Context) {
	state, _ := m.sys.read() // a state that cannot be read now is a change later
	seen := m.sys.now()
	var gone []netip.Addr // addresses lost since the machine was online
	pause := m.pause()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		planned := pause
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-m.clock:
			planned = 0 // the notice may come at any time
		case <-m.links:
			if !m.gather(ctx) {
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
				m.report(e)
			}
			continue // the timer keeps running
		}
		now := m.sys.now()
		if e, jumped := jump(seen, now, planned); jumped {
			e.Online = state.online()
			m.report(e)
			signal(m.links) // notices may have been missed
		}
		seen, pause = now, m.pause()
		timer.Reset(pause)
	}
}

// pause is how long the clocks are not read.
func (m *Monitor) pause() time.Duration {
	if m.alone.Load() {
		return m.sys.tick
	}
	return max(m.sys.calm, m.sys.tick)
}

func (m *Monitor) report(e Event) {
	m.cfg.Log.Info("network event", "reason", string(e.Reason), "detail", e.Detail, "online", e.Online)
	m.cfg.Changed(e)
}

// gather waits until no notice has come for quietPeriod. It reports false when ctx
// ended.
func (m *Monitor) gather(ctx context.Context) bool {
	over := time.NewTimer(gatherMost)
	defer over.Stop()
	for {
		calm := time.NewTimer(quietPeriod)
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
