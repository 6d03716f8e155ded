package netmon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is a system in a bubble.
type machine struct {
	mu      sync.Mutex
	state   State
	shift   time.Duration // of the wall clock
	asleep  time.Duration
	fail    error // of read
	deaf    error // of watch
	notice  chan struct{}
	alarm   chan struct{}
	reads   int
	events  []Event
	monitor *Monitor
}

func newMachine(deaf error) *machine {
	m := &machine{deaf: deaf, notice: make(chan struct{}), alarm: make(chan struct{})}
	m.state = State{Links: []Link{link("wlan0", "10.1.0.2/24")}, Route4: by("10.1.0.2", "10.1.0.1", "wlan0")}
	listen := func(c chan struct{}) func(context.Context, func()) error {
		return func(ctx context.Context, signal func()) error {
			for {
				select {
				case <-c:
					signal()
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
	}
	watch := listen(m.notice)
	if deaf != nil {
		watch = func(context.Context, func()) error { return deaf }
	}
	m.monitor = newMonitor(Config{Log: slog.New(slog.DiscardHandler), Changed: func(e Event) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.events = append(m.events, e)
	}}, system{read: m.read, now: m.now, watch: watch, alarm: listen(m.alarm), tick: 30 * time.Second})
	return m
}

func (m *machine) read() (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return m.state, m.fail
}

func (m *machine) now() reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	mono := now.Sub(time.Unix(0, 0))
	return reading{wall: now.Round(0).Add(m.shift), mono: mono, boot: mono + m.asleep}
}

func (m *machine) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// take returns the events since the last call.
func (m *machine) take() []Event {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.events
	m.events = nil
	return all
}

func inBubble(t *testing.T, deaf error, test func(m *machine)) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(deaf)
		m.monitor.Start()
		synctest.Wait()
		test(m)
		m.monitor.Close()
	})
}

// Twenty notices within 15 ms are one event, and so are those that go on for
// longer than anybody should wait.
func TestBurstIsOneEvent(t *testing.T) {
	inBubble(t, nil, func(m *machine) {
		m.set(func() {
			m.state = State{Links: []Link{link("eth0", "10.2.0.2/24")}, Route4: by("10.2.0.2", "10.2.0.1", "eth0")}
		})
		began := time.Now()
		for range 20 {
			m.notice <- struct{}{}
			time.Sleep(time.Millisecond)
		}
		if early := m.take(); len(early) != 0 {
			t.Fatalf("within the burst: %v", early)
		}
		time.Sleep(quietPeriod + time.Millisecond)
		if e := m.take(); len(e) != 1 || e[0].Reason != RouteChanged || len(e[0].Gone) != 1 {
			t.Fatalf("%v after %v", e, time.Since(began))
		}
		m.set(func() { m.state = State{} })
		for range 30 {
			m.notice <- struct{}{}
			time.Sleep(quietPeriod / 4)
		}
		if e := m.take(); len(e) != 1 || e[0].Online {
			t.Errorf("in a storm: %v", e)
		}
	})
}

// An address that went while the machine was offline is still reported when there is
// one again, unless it has come back.
func TestGoneWhileOffline(t *testing.T) {
	inBubble(t, nil, func(m *machine) {
		wlan, eth := m.state, State{Links: []Link{link("eth0", "10.2.0.2/24")}, Route4: by("10.2.0.2", "10.2.0.1", "eth0")}
		become := func(s State) Event {
			t.Helper()
			m.set(func() { m.state = s })
			m.notice <- struct{}{}
			time.Sleep(time.Second)
			e := m.take()
			if len(e) != 1 {
				t.Fatalf("%v", e)
			}
			return e[0]
		}
		become(State{})
		if e := become(eth); len(e.Gone) != 1 || e.Gone[0].String() != "10.1.0.2" {
			t.Errorf("another link: %+v", e)
		}
		become(State{})
		if e := become(eth); len(e.Gone) != 0 {
			t.Errorf("the same link: %+v", e)
		}
		become(State{})
		become(State{Links: wlan.Links}) // an address, and no route yet
		if e := become(wlan); len(e.Gone) != 1 || e.Gone[0].String() != "10.2.0.2" {
			t.Errorf("in two steps: %+v", e)
		}
	})
}

// A flap shorter than the debounce and notices of what does not concern us.
func TestNoticeWithoutChange(t *testing.T) {
	inBubble(t, nil, func(m *machine) {
		for range 5 {
			m.notice <- struct{}{}
			time.Sleep(time.Second)
		}
		if e := m.take(); len(e) != 0 {
			t.Errorf("%v", e)
		}
	})
}

// What cannot be read is compared later, and nothing is lost.
func TestUnreadableState(t *testing.T) {
	inBubble(t, nil, func(m *machine) {
		m.set(func() { m.state, m.fail = State{}, errors.New("no memory") })
		m.notice <- struct{}{}
		time.Sleep(time.Second)
		if e := m.take(); len(e) != 0 {
			t.Errorf("%v", e)
		}
		m.set(func() { m.fail = nil })
		m.notice <- struct{}{}
		time.Sleep(time.Second)
		if e := m.take(); len(e) != 1 || e[0].Online {
			t.Errorf("%v", e)
		}
	})
}

func TestPollingWhereNobodyTells(t *testing.T) {
	inBubble(t, errors.New("no netlink"), func(m *machine) {
		m.set(func() { m.state = State{} })
		time.Sleep(pollInterval + quietPeriod + time.Millisecond)
		if e := m.take(); len(e) != 1 || e[0].Reason != RouteChanged {
			t.Errorf("%v", e)
		}
	})
}

func TestClocks(t *testing.T) {
	inBubble(t, nil, func(m *machine) {
		time.Sleep(10 * time.Minute)
		if e := m.take(); len(e) != 0 {
			t.Fatalf("with nothing wrong: %v", e)
		}
		m.set(func() { m.asleep, m.shift = time.Hour, time.Hour })
		m.alarm <- struct{}{}
		if e := m.take(); len(e) != 1 || e[0].Reason != Woke || e[0].Asleep != time.Hour || !e[0].Online {
			t.Errorf("at once: %v", e)
		}
		m.set(func() { m.shift += time.Hour }) // and nobody tells
		time.Sleep(31 * time.Second)
		if e := m.take(); len(e) != 1 || e[0].Reason != ClockSet && e[0].Reason != Woke {
			t.Errorf("at the next tick: %v", e)
		}
		time.Sleep(10 * time.Minute)
		if e := m.take(); len(e) != 0 {
			t.Errorf("a jump is told twice: %v", e)
		}
	})
}

func TestIdleReadsNothing(t *testing.T) {
	inBubble(t, nil, func(m *machine) {
		before := m.reads
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if m.set(func() {}); m.reads != before {
			t.Errorf("%d readings in a quietPeriod day", m.reads-before)
		}
	})
}
