package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// selfVar makes the test binary the shelfbench that a world starts.
const selfVar = "SHELFBENCH_TEST_SELF"

// asSelf runs the command line and reports whether it was asked to.
func asSelf() bool {
	if os.Getenv(selfVar) == "" {
		return false
	}
	main()
	return true
}

func init() { selfEnv = []string{selfVar + "=1"} }

// scene is something that happens to a network, and how long the player may
// wait for events then. The limits leave room for a machine under load; what
// an idle one does is measured by `shelfbench handoff`.
type scene struct {
	name   string
	within time.Duration
	set    setting
	event  handoffEvent
	// direct says whether the player without Shelfkeeper is watched too.
	direct bool
	world  int // scenes of one world come one after the other
}

// worlds is how many the scenes are spread over, so that what changes the same
// rig comes in turn and the whole takes about a minute.
const worlds = 5

func acts(steps ...func(context.Context, *world) error) func(context.Context, *world) (time.Time, error) {
	return func(ctx context.Context, w *world) (time.Time, error) {
		for _, step := range steps {
			if err := step(ctx, w); err != nil {
				return time.Time{}, err
			}
		}
		return time.Now(), nil
	}
}

// downUp takes the link down and up again after d.
func downUp(d time.Duration) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		if err := w.down(ctx, w.active); err != nil {
			return err
		}
		if err := wait(ctx, d); err != nil {
			return err
		}
		return w.up(ctx, w.active)
	}
}

// stopped stops the daemon for d, with the network in order.
func stopped(d time.Duration) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		if err := w.daemon.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		err := wait(ctx, d)
		return errors.Join(err, w.daemon.cmd.Process.Signal(syscall.SIGCONT))
	}
}

var scenes = []scene{
	{name: "handoff", world: 0, within: 6 * time.Second, event: handoffEvent{act: handoff}, direct: true},
	{name: "flap", world: 1, within: 6 * time.Second, event: handoffEvent{
		act: acts(downUp(50*time.Millisecond), downUp(300*time.Millisecond), downUp(50*time.Millisecond)),
	}},
	{name: "3 s away", world: 2, within: 6 * time.Second, event: handoffEvent{act: outageOf(3 * time.Second)}},
	{name: "30 s away", world: 1, within: 8 * time.Second, event: handoffEvent{act: outageOf(30 * time.Second)}},
	{name: "blackhole", world: 2, within: 20 * time.Second, event: handoffEvents[2]},
	{name: "another address", world: 1, within: 6 * time.Second, event: handoffEvent{act: acts(func(ctx context.Context, w *world) error {
		return errors.Join(w.down(ctx, w.active), w.upAs(ctx, w.active, 7))
	})}},
	{name: "restart", world: 2, within: 10 * time.Second, event: handoffEvents[3]},
	{name: "names fail first", world: 3, within: 15 * time.Second, set: setting{byName: true}, event: handoffEvent{act: func(
		ctx context.Context, w *world,
	) (time.Time, error) {
		if err := w.deafen(ctx); err != nil {
			return time.Time{}, err
		}
		at, err := handoff(ctx, w)
		if err != nil {
			return at, err
		}
		if err := wait(ctx, 4*time.Second); err != nil {
			return at, err
		}
		return time.Now(), w.unblackhole(ctx)
	}}},
	{name: "IPv6 only", world: 4, within: 10 * time.Second, set: setting{v6: true}, event: handoffEvent{act: handoff}},
	{name: "stopped for 20 s", world: 3, within: 6 * time.Second, event: handoffEvent{act: acts(stopped(20 * time.Second))}},
}

// TestNetworks: whatever happens, the player's socket stays, events come again
// in time, and its stream is whole to the byte.
func TestNetworks(t *testing.T) {
	if err := needs(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("needed: %v", err)
		}
		t.Skipf("needs: %v", err)
	}
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	// The worlds are all there at one time: they mostly wait.
	type result struct {
		trial
		inits int
		err   error
	}
	results := make([]result, len(scenes))
	play := func(world int) error {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		first := scenes[slices.IndexFunc(scenes, func(s scene) bool { return s.world == world })]
		set := first.set
		set.name, set.program, set.modules = "t"+string(rune('a'+world))+nameOfRun(), binary, os.Getenv(modulesVar)
		set.alone, set.streamless = !first.direct, true
		w, err := startWorld(ctx, set)
		if err != nil {
			return err
		}
		for i, s := range scenes {
			if s.world != world {
				continue
			}
			s.event.name = s.name
			results[i].trial, results[i].err = w.happen(ctx, s.event)
			results[i].inits = w.clients[ours].count(0, "init")
		}
		return w.close()
	}
	broken := func(world int) (err error) {
		for i, s := range scenes {
			if s.world == world {
				err = errors.Join(err, results[i].err)
			}
		}
		return err
	}
	var all sync.WaitGroup
	for world := range worlds {
		all.Go(func() {
			err := errors.Join(play(world), broken(world))
			if err != nil {
				// A program of the rig died, or a namespace was not to be had:
				// that says nothing of us. What a client did is not tried twice.
				t.Logf("world %d broke and is made once more: %v", world, err)
				err = play(world)
			}
			if err != nil {
				t.Errorf("world %d: %v", world, err)
			}
		})
	}
	all.Wait()
	for i, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			r := results[i]
			if r.err != nil {
				t.Fatal(r.err)
			}
			o := r.outcomes[ours]
			if o.recover > s.within.Seconds() || o.disconnects > 0 || !o.identical {
				t.Errorf("%+v, want at most %v", o, s.within)
			}
			if r.inits != 1 {
				t.Errorf("the player got init %d times", r.inits)
			}
			t.Logf("%+v", r.outcomes)
			if direct, ok := r.outcomes[npm]; s.direct && (!ok || direct.recover < 5 || direct.disconnects == 0) {
				t.Errorf("without Shelfkeeper nothing happened, so this proves nothing: %+v", direct)
			}
		})
	}
}

// deafen drops questions for names.
func (r *rig) deafen(ctx context.Context) error {
	return runAll(ctx, "ip netns exec "+r.srv()+" nft add table inet hole",
		"ip netns exec "+r.srv()+" nft add chain inet hole in { type filter hook input priority 0; }",
		"ip netns exec "+r.srv()+" nft add rule inet hole in udp dport 53 drop")
}
