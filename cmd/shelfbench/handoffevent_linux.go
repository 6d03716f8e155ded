package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// handoffEvent is something that happens to the network.
type handoffEvent struct {
	name string
	goal float64 // p95 of shelfkeeper in s
	// act makes it happen and returns the moment from which recovery counts.
	act func(ctx context.Context, w *world) (time.Time, error)
	// after puts things in order again.
	after func(ctx context.Context, w *world) error
}

// censored is the longest recovery that is waited for.
const censored = 60 * time.Second

// away is how long link and server are gone in `outage` and `restart`.
const away = 10 * time.Second

var handoffEvents = []handoffEvent{
	{name: "handoff", goal: 2, act: handoff},
	{name: "outage", goal: 1.5, act: outageOf(away)},
	{name: "blackhole", goal: 5, act: func(ctx context.Context, w *world) (time.Time, error) {
		err := w.blackhole(ctx)
		return time.Now(), err
	}, after: func(ctx context.Context, w *world) error { return w.unblackhole(ctx) }},
	{name: "restart", goal: 5, act: restart},
}

// handoff: the link goes and the other one comes; from the new path usable.
func handoff(ctx context.Context, w *world) (time.Time, error) {
	to := 1 - w.active
	if err := w.down(ctx, w.active); err != nil {
		return time.Time{}, err
	}
	err := w.up(ctx, to)
	return time.Now(), err
}

// outageOf: the link goes and comes; from up.
func outageOf(d time.Duration) func(context.Context, *world) (time.Time, error) {
	return func(ctx context.Context, w *world) (time.Time, error) {
		if err := w.down(ctx, w.active); err != nil {
			return time.Time{}, err
		}
		if err := wait(ctx, d); err != nil {
			return time.Time{}, err
		}
		err := w.up(ctx, w.active)
		return time.Now(), err
	}
}

// restart: the server goes and comes, the network stays; from listening.
func restart(ctx context.Context, w *world) (time.Time, error) {
	if _, err := w.server.tell(ctx, "stop"); err != nil {
		return time.Time{}, err
	}
	if err := wait(ctx, away); err != nil {
		return time.Time{}, err
	}
	at, err := w.server.tell(ctx, "start")
	return time.UnixMilli(at), err
}

// outcome is how one client came through one event.
type outcome struct {
	recover     float64 // s, at most censored
	disconnects int
	inits       int
	identical   bool
}

// trial is one event of one round, with what the timeline shows.
type trial struct {
	event    string
	began    time.Time // before anything happened
	zero     time.Time // from when recovery counts
	ended    time.Time
	outcomes map[string]outcome
	streamed []said // of the stream through the daemon
}

// silence is the longest time, from zero on, in which the stream through the daemon
// brought nothing. A blackhole shows there once what is buffered has been played.
func (t trial) silence() (longest float64) {
	last := t.zero.UnixMilli()
	for _, l := range t.streamed {
		if l.What == "bytes" && l.At > last {
			longest, last = max(longest, float64(l.At-last)/1000), l.At
		}
	}
	return longest
}

// happen lets e happen to w and waits until all clients have recovered.
func (w *world) happen(ctx context.Context, e handoffEvent) (trial, error) {
	t := trial{event: e.name, outcomes: map[string]outcome{}}
	if err := w.calm(ctx); err != nil {
		return t, err
	}
	streams := map[bool]*child{}
	defer func() {
		for _, s := range streams {
			s.end()
		}
	}()
	for _, local := range []bool{true, false} {
		if !local && w.streamless {
			continue
		}
		s, err := w.stream(ctx, local)
		if err != nil {
			return t, err
		}
		streams[local] = s
		if _, err := s.await(ctx, 0, func(l said) bool { return l.Bytes >= 2*streamRate || l.What == "end" }); err != nil {
			return t, fmt.Errorf("begin a stream: %w", err)
		}
	}
	from := map[string]int{}
	for name, c := range w.clients {
		from[name] = c.length()
	}
	t.began = time.Now()
	var err error
	if t.zero, err = e.act(ctx, w); err != nil {
		return t, err
	}
	limit, cancel := context.WithDeadline(ctx, t.zero.Add(censored))
	defer cancel()
	for name, c := range w.clients {
		o := outcome{recover: censored.Seconds()}
		tick, err := c.await(limit, from[name], func(l said) bool {
			return l.What == "tick" && l.Timestamp*1000 > float64(t.zero.UnixMilli())
		})
		switch {
		case err == nil:
			o.recover = max(0, float64(tick.At-t.zero.UnixMilli())/1000)
		case !errors.Is(err, context.DeadlineExceeded):
			return t, fmt.Errorf("%s: %w", name, err)
		}
		o.disconnects, o.inits = c.count(from[name], "disconnect"), c.count(from[name], "init")
		t.outcomes[name] = o
	}
	t.ended = time.Now()
	for local, s := range streams {
		identical := w.finish(ctx, s)
		for name, o := range t.outcomes {
			if (name == ours) == local {
				o.identical = identical
				t.outcomes[name] = o
			}
		}
	}
	t.streamed = streams[true].lines()
	if e.after != nil {
		if err := e.after(ctx, w); err != nil {
			return t, err
		}
	}
	return t, nil
}

// streamEnd is how long a stream may take to its end when it hurries.
const streamEnd = 30 * time.Second

// finish reads the rest of a stream and reports whether it came whole.
func (w *world) finish(ctx context.Context, s *child) bool {
	_, _ = fmt.Fprintln(s.in, "hurry") // it may have ended
	ctx, cancel := context.WithTimeout(ctx, streamEnd)
	defer cancel()
	end, err := s.await(ctx, 0, func(l said) bool { return l.What == "end" })
	return err == nil && end.Why == "" && end.Sum == w.ready.Sum
}

// calm waits until all clients get events that are new.
func (w *world) calm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*censored)
	defer cancel()
	now := float64(time.Now().UnixMilli())
	for name, c := range w.clients {
		if _, err := c.await(ctx, 0, func(l said) bool { return l.What == "tick" && l.Timestamp*1000 > now }); err != nil {
			return fmt.Errorf("%s gets no events: %w", name, err)
		}
	}
	return nil
}
