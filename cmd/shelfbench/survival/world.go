package survival

import (
	"net/http"
	"sync"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
)

const (
	// busyAgain is how much later an event comes that cannot happen now: a
	// machine that sleeps changes no network, a program that is down cannot crash.
	busyAgain = 10 * time.Minute
	// typing is how long the user takes to notice and to sign in by hand.
	typing = 30 * time.Second
	// settling is the calm at the end, in which whatever is under way ends.
	settling = 3 * time.Hour
	// user is who is signed in; the double's own.
	user, password = "demo", "demo"
)

// world is one run: a server, a machine that sleeps and moves between
// networks, and one client on it. It lives in a bubble of testing/synctest.
type world struct {
	server *absfake.Server
	http   http.Handler
	// provider signs people in where accounts have no password; nil where they have.
	provider *oidcprovider.Provider
	client   client
	seed     uint64
	began    time.Time
	stop     func() bool
	calm     bool // no answer is lost by chance

	mu         sync.Mutex
	asleep     bool
	woken      chan struct{} // closed when the machine wakes
	slept      time.Duration // in all, but for the sleep under way
	sleptSince time.Time
	sleeps     int
	generation int  // connections of an earlier one are dead
	handoffs   int  // packets on the way at one are lost
	silent     bool // how connections of earlier generations are dead
	between    bool // the machine is between two networks
	disruption disruption
	life       *life // of the client's process; nil while there is none
	armed      []event
	awakes     map[*awake]bool // what delays a suspend
	signingIn  bool
	over       bool

	struck  Events
	strikes []time.Time // when an event that was placed inside a rotation came
	line    timeline
	signIns []span // by hand, but for the first
	askers  askers

	running sync.WaitGroup
}

func newWorld(r Run, make func(*world) client, stop func() bool) (*world, error) {
	w := &world{
		seed: r.Seed, began: time.Now(), stop: stop, awakes: map[*awake]bool{},
		woken: closedChannel(),
	}
	cfg := absfake.Config{
		Release: absfake.Release(r.Release), LimiterMax: r.Limit, Seed: r.Seed, NoLibrary: true, LedgerSize: 200_000,
	}
	if r.Account == OpenID {
		w.provider = newProvider()
		cfg.Outbound = w.provider
	}
	var err error
	if w.server, err = absfake.New(cfg); err != nil {
		return nil, err
	}
	if w.provider != nil {
		w.server.SetOpenID(openIDSettings)
	}
	w.http = w.server.Handler()
	w.client = make(w)
	return w, nil
}

func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// run plays the script and returns when everything has settled.
func (w *world) run(events []event) error {
	w.begin()
	if err := w.client.signIn(); err != nil {
		return err
	}
	for _, e := range events {
		w.until(w.began.Add(e.at))
		if w.stop() {
			break
		}
		w.happen(e)
	}
	w.mu.Lock()
	w.armed = nil
	w.mu.Unlock()
	w.until(time.Now().Add(settling))
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.running.Wait()
	w.mu.Lock()
	last := w.life
	w.mu.Unlock()
	if last != nil {
		w.client.end()
	}
	w.running.Wait()
	return w.server.Close()
}

// until waits by sleeping, as whatever here waits for a time alone: with the race detector
// Go 1.26 dies when several goroutines of a bubble receive from channels of timers that are
// due already (they share one context, unlockAndRun in its runtime/time.go).
func (w *world) until(t time.Time) { time.Sleep(time.Until(t)) }

// after does something later, in a goroutine that run waits for.
func (w *world) after(d time.Duration, what func()) {
	w.running.Go(func() {
		time.Sleep(d)
		what()
	})
}

// happen lets e happen, or arms it for the next rotation.
func (w *world) happen(e event) {
	switch {
	case e.inRotation:
		w.mu.Lock()
		w.armed = append(w.armed, e)
		w.mu.Unlock()
	case e.kind == listening:
		w.mu.Lock()
		w.struck.Bursts++
		w.mu.Unlock()
		for i, d := range e.requests {
			w.after(d, func() { w.play(i) })
		}
	default:
		w.apply(e)
	}
}

// apply does what e says, later if it cannot happen now.
func (w *world) apply(e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || e.kind == outage && w.disruption != clear { // one at a time
		return
	}
	switch {
	case e.kind == outage:
		w.badWeather(e)
	case w.asleep || w.life == nil && e.kind != handoff && e.kind != sleep || w.between && e.kind == handoff:
		e.inRotation = false
		w.after(busyAgain, func() { w.apply(e) })
		return
	case e.kind == handoff:
		w.handoff(e)
	case e.kind == sleep && !e.delayed && w.delay(e):
		return
	case e.kind == sleep:
		w.fallAsleep(e)
	case e.kind == restart:
		l := w.life
		w.life = nil
		w.mark()
		w.running.Go(func() {
			w.client.end()
			l.die()
			time.Sleep(e.lasts)
			w.begin()
		})
	case e.kind == crash:
		w.life.die()
		w.life = nil
		w.mark()
		w.running.Go(w.client.crashed)
		w.after(e.lasts, w.begin)
	}
	if w.struck.add(e); e.inRotation {
		w.strikes = append(w.strikes, time.Now())
	}
}

// badWeather begins an outage and ends it in time.
func (w *world) badWeather(e event) {
	w.disruption = e.disruption
	w.mark()
	clear := func() {}
	switch e.disruption {
	case gateway:
		clear = w.server.Inject(absfake.Fault{Kind: absfake.Answer, Status: http.StatusBadGateway})
	case portal:
		clear = w.server.Inject(absfake.Fault{Kind: absfake.Portal})
	case missing:
		clear = w.server.Inject(absfake.Fault{
			Kind: absfake.Answer, Status: http.StatusNotFound, Body: "404 page not found\n", ContentType: "text/plain; charset=utf-8",
		})
	}
	w.after(e.lasts, func() {
		clear()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.disruption = 0
		w.mark()
	})
}

func (w *world) handoff(e event) {
	w.generation++
	w.handoffs++
	w.silent, w.between = e.silent, true
	w.mark()
	w.after(e.lasts, func() {
		w.mu.Lock()
		w.between = false
		w.mark()
		tell := w.life != nil && !w.asleep
		w.mu.Unlock()
		if tell {
			w.client.woke()
		}
	})
}

func (w *world) fallAsleep(e event) {
	w.generation++
	w.silent = e.silent
	w.asleep, w.woken, w.sleptSince = true, make(chan struct{}), time.Now()
	w.sleeps++
	w.mark()
	w.after(e.lasts, func() {
		w.mu.Lock()
		w.asleep = false
		w.slept += time.Since(w.sleptSince)
		close(w.woken)
		w.mark()
		tell := w.life != nil
		w.mu.Unlock()
		if tell {
			w.client.woke()
		}
	})
}

// begin starts the client's process, on a machine that is awake.
func (w *world) begin() {
	w.mu.Lock()
	for w.asleep {
		woken := w.woken
		w.mu.Unlock()
		<-woken
		w.mu.Lock()
	}
	l := &life{world: w, dead: make(chan struct{})}
	w.life = l
	w.mark()
	w.mu.Unlock()
	w.client.begin(l)
}

// rotating is called when a request for new tokens has left the machine. An
// event that waits for a rotation strikes on the way, which takes that long.
func (w *world) rotating(way time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.armed) == 0 {
		return
	}
	e := w.armed[0]
	w.armed = w.armed[1:]
	w.after(time.Duration(e.share*float64(way)), func() { w.apply(e) })
}

// awakeFor is how long the machine has been awake, by the clock that its
// timers run on.
func (w *world) awakeFor() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := time.Since(w.began) - w.slept
	if w.asleep {
		d -= time.Since(w.sleptSince)
	}
	return d
}
