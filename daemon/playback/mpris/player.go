//go:build !darwin && !windows

package mpris

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// Player is a program on the bus.
type Player struct {
	bus     *Bus
	owner   string // its connection: its name may go to another
	signals chan *dbus.Signal
	changed chan struct{}
	gone    chan struct{}
	sought  chan struct{}
}

// State is what a player says of itself.
type State struct {
	URL      string
	Playing  bool          // it is heard
	Stopped  bool          // it plays nothing any more, in contrast to a pause
	Position time.Duration // below 0: not known
	track    dbus.ObjectPath
}

// State asks the player. The bus announces no positions.
func (p *Player) State(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	var all map[string]dbus.Variant
	o := p.bus.conn.Object(p.owner, path)
	err := o.CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", dbus.FlagNoAutoStart, iface).Store(&all)
	if err != nil {
		return State{}, err
	}
	if _, ok := all["Position"]; !ok { // some leave out what they do not announce
		var v dbus.Variant
		if o.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, iface, "Position").Store(&v) == nil {
			all["Position"] = v
		}
	}
	return read(all), nil
}

// read reads a player's properties, which are foreign values of any type.
func read(all map[string]dbus.Variant) State {
	status, _ := all["PlaybackStatus"].Value().(string)
	s := State{Playing: status == "Playing", Stopped: status == "Stopped"}
	about, _ := all["Metadata"].Value().(map[string]dbus.Variant)
	s.URL, _ = about["xesam:url"].Value().(string)
	switch id := about["mpris:trackid"].Value().(type) {
	case dbus.ObjectPath:
		s.track = id
	case string: // against the specification, and common
		s.track = dbus.ObjectPath(id)
	}
	s.Position = -1
	switch at := all["Position"].Value().(type) {
	case int64:
		s.Position = micros(at)
	case uint64:
		if at <= longest {
			s.Position = micros(int64(at))
		}
	case int32:
		s.Position = micros(int64(at))
	case float64:
		if at >= 0 && at < longest {
			s.Position = micros(int64(at))
		}
	}
	return s
}

// longest is beyond every book, in microseconds.
const longest = 1e14

func micros(n int64) time.Duration {
	if n < 0 || n > longest {
		return -1
	}
	return time.Duration(n) * time.Microsecond
}

// Move moves the player to a place of what it plays, in one of two ways: some players know
// only the second.
func (p *Player) Move(ctx context.Context, s State, to time.Duration, second bool) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	o := p.bus.conn.Object(p.owner, path)
	if !second && s.track.IsValid() {
		return o.CallWithContext(ctx, iface+".SetPosition", dbus.FlagNoAutoStart, s.track, to.Microseconds()).Err
	}
	return o.CallWithContext(ctx, iface+".Seek", dbus.FlagNoAutoStart, (to - max(0, s.Position)).Microseconds()).Err
}

// Listen begins to notice what the player announces, until the connection is closed.
func (p *Player) Listen(ctx context.Context) error {
	p.signals = make(chan *dbus.Signal, heldSignals)
	p.changed, p.sought, p.gone = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	p.bus.conn.Signal(p.signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, p.owner)},
		{dbus.WithMatchSender(p.owner), dbus.WithMatchInterface(iface), dbus.WithMatchMember("Seeked")},
		{dbus.WithMatchSender(p.owner), dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchObjectPath(path)},
	} {
		if err := p.bus.conn.AddMatchSignalContext(ctx, match...); err != nil {
			return err
		}
	}
	p.bus.listening.Go(p.listen)
	// It may have left before the bus knew that we listen.
	if p.bus.owner(ctx, p.owner) == "" {
		return context.Canceled
	}
	return nil
}

// listen runs until the player leaves the bus, or the bus ends.
func (p *Player) listen() {
	defer close(p.gone)
	for s := range p.signals { // godbus closes it with the connection
		switch {
		case s.Name == "org.freedesktop.DBus.NameOwnerChanged":
			if len(s.Body) == 3 && s.Body[0] == p.owner && s.Body[2] == "" {
				p.bus.conn.RemoveSignal(p.signals)
				return
			}
		case s.Sender != p.owner:
		case s.Name == iface+".Seeked":
			wake(p.sought)
		default:
			wake(p.changed)
		}
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Changed tells that the player has announced something. Listen must have been called.
func (p *Player) Changed() <-chan struct{} { return p.changed }

// Sought tells that the player has been moved to another place.
func (p *Player) Sought() <-chan struct{} { return p.sought }

// Gone is closed when the player has left the bus, or the bus has ended.
func (p *Player) Gone() <-chan struct{} { return p.gone }
