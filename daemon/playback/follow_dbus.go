//go:build !darwin && !windows

package playback

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"shelfkeeper/daemon/playback/mpris"
)

const (
	// lookEvery is how often a player that is heard is asked where it is, since the bus
	// announces no positions; and how often a player is looked for.
	lookEvery = time.Second
	// restEvery is how often one is asked that is silent. It announces when it goes on.
	restEvery = 5 * time.Second
	// handedOver is how long a program that ended well may have handed the address over
	// to one that runs already.
	handedOver = 3 * time.Second
	// unseenFor is how long a program may take until it is on the bus.
	unseenFor = 20 * time.Second
	// attachWait is how long a player that the user starts is waited for.
	attachWait = 2 * time.Minute
	// moves is how often the player is moved to the place before that is given up.
	moves = 8
	// endsNear is how far before the end of the last file a player may be when it was
	// last asked, in seconds, and have played it to its end.
	endsNear = 2.5
)

// Run plays until the program ends, leaves the bus, or ctx ends. Where no program tells
// what it plays, nothing is reported, and the user is told so.
func (f *Follow) Run(ctx context.Context) error {
	bus, err := mpris.Connect(ctx)
	if len(f.Argv) == 0 && err != nil {
		return err
	}
	if bus != nil {
		defer func() { _ = bus.Close() }() // nothing is written any more
	}
	var c *child
	if len(f.Argv) > 0 {
		if err != nil {
			f.Say(fmt.Sprintf("What %s plays is not reported: %v.", f.name(), err))
		}
		if c, err = startChild(ctx, endsAtTheEnd(f.Argv)); err != nil {
			return err
		}
	}
	if bus != nil {
		player, err := f.find(ctx, bus, c)
		if err != nil {
			return err
		}
		if player != nil {
			return f.report(ctx, player, c)
		}
	}
	return c.result(ctx)
}

// endsAtTheEnd adds what makes a player end with the list, where that is known: VLC stays,
// and without a window nobody could end it.
func endsAtTheEnd(argv []string) []string {
	switch filepath.Base(argv[0]) {
	case "vlc", "cvlc":
		return append([]string{argv[0], "--play-and-exit"}, argv[1:]...) // a later option wins
	}
	return argv
}

// name is how the program is called to the user.
func (f *Follow) name() string {
	if len(f.Argv) == 0 {
		return "the player"
	}
	return f.Argv[0]
}

// find waits for a player. It returns nil where none comes before the program has ended.
func (f *Follow) find(ctx context.Context, bus *mpris.Bus, c *child) (*mpris.Player, error) {
	ours := func(address string) bool { return isOf(f.Item, address) }
	tick := time.NewTicker(lookEvery / 4)
	defer tick.Stop()
	late := time.NewTimer(unseenFor)
	defer late.Stop()
	over := c.over()
	var until <-chan time.Time
	if c == nil {
		timer := time.NewTimer(attachWait)
		defer timer.Stop()
		until = timer.C
	}
	for {
		if p, ok := bus.Find(ctx, c.pid(), ours); ok && p.Listen(ctx) == nil {
			return p, nil
		}
		select {
		case <-tick.C:
		case <-late.C:
			if c == nil {
				f.Say("Waiting for a player that plays it …")
				continue
			}
			tick.Reset(restEvery)
			f.Say(fmt.Sprintf("%s does not tell over D-Bus (MPRIS) what it plays, so that is not reported.", f.name()))
		case <-over:
			if c.err != nil {
				return nil, nil
			}
			over = nil
			timer := time.NewTimer(handedOver)
			defer timer.Stop()
			until = timer.C
		case <-until:
			if c == nil {
				return nil, errors.New("no program on the session bus plays it")
			}
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// followed is a player that is reported.
type followed struct {
	*Follow
	in      *Session
	player  *mpris.Player
	track   *tracker
	current int  // the track that plays; below 0: none of ours
	moves   int  // how often it was moved to the place
	told    bool // that it is before the place
	atEnd   bool // it was last seen at the end of the whole
	playing bool
	left    bool // it plays something else
}

// report follows a player to its end. What was heard is reported in any case.
func (f *Follow) report(ctx context.Context, player *mpris.Player, c *child) error {
	in, err := f.Open(ctx)
	if err != nil {
		f.Say(fmt.Sprintf("What %s plays is not reported: %v.", f.name(), err))
		return c.result(ctx)
	}
	f.Say("What is heard is reported.")
	p := &followed{Follow: f, in: in, player: player, track: newTracker(in.Start, in.Tracks), current: -1}
	p.run(ctx, c)
	if p.atEnd && ctx.Err() == nil {
		p.track.ended()
	}
	stored := in.finish(ctx, p.track, f.Say)
	if p.left {
		return stored // it is the user's now, and goes on
	}
	return errors.Join(c.result(ctx), stored)
}

func (p *followed) run(ctx context.Context, c *child) {
	r := newReporter(p.in, p.track)
	defer r.close()
	look := time.NewTimer(0)
	defer look.Stop()
	over := c.over()
	for {
		select {
		case <-look.C:
			p.look(ctx)
		case <-p.player.Changed():
			p.look(ctx)
		case <-p.player.Sought():
			p.track.silence()
			p.look(ctx)
		case <-r.tick.C:
			r.report(ctx)
			continue
		case err := <-r.reports:
			r.reported(err)
			continue
		case <-over:
			if p.handedOver(c) {
				over = nil // the one that runs already plays
				continue
			}
			return
		case <-p.player.Gone():
			return
		case <-ctx.Done():
			return
		}
		if p.left && (c == nil || over == nil) {
			p.Say("It plays something else now.")
			return
		}
		if look.Reset(restEvery); p.playing {
			look.Reset(lookEvery)
		}
	}
}

// handedOver reports whether the program has ended because another one plays for it.
func (p *followed) handedOver(c *child) bool {
	select {
	case <-p.player.Gone():
		return false
	default:
		return c.err == nil && time.Since(c.began) < unseenFor && p.playing
	}
}

// look asks the player where it is.
func (p *followed) look(ctx context.Context) {
	s, err := p.player.State(ctx)
	if err != nil {
		return // if it is gone, that is told
	}
	n := trackOf(p.in.Tracks, s.URL)
	p.left = n < 0 && p.track.arrived && s.URL != "" && !s.Stopped
	p.playing = s.Playing && n >= 0
	switch {
	case n < 0:
		p.track.silence()
		return // at the end of the list a player forgets what it has played
	case n != p.current:
		p.current = n
		p.track.silence()
	}
	at := s.Position.Seconds()
	if !s.Playing || at < 0 {
		p.track.silence()
		return
	}
	if p.toPlace(ctx, s, n) {
		return
	}
	p.track.position(n, at, time.Now())
	last := len(p.in.Tracks) - 1
	p.atEnd = n == last && p.track.arrived && at >= p.in.Tracks[last].Duration-endsNear
}

// toPlace moves a player that has begun before the place, and reports whether it did.
func (p *followed) toPlace(ctx context.Context, s mpris.State, n int) bool {
	first, at := begin(p.in.Tracks, p.in.Start)
	if p.track.arrived || p.in.Tracks[n].Offset+s.Position.Seconds() >= p.in.Start-near {
		return false
	}
	if n != first || p.moves >= moves {
		if !p.told {
			p.told = true
			p.Say("The player is before the place where you were; what it plays is reported from there on.")
		}
		return false
	}
	p.moves++
	// A player that has only just opened the file may not be able to yet.
	_ = p.player.Move(ctx, s, time.Duration(at*float64(time.Second)), p.moves%2 == 0)
	p.track.silence()
	return true
}
