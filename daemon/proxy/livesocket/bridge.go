package livesocket

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/wsconn"
)

const (
	// heardUnit and heardUnits bound the frames of a player that wait to be handled:
	// each takes as many units as it begins. The player's next frame is not read
	// before there is room.
	heardUnit  = 4 << 10
	heardUnits = wsconn.MaxPayload / heardUnit
	// maxKinds bounds the names of events that are remembered for the log.
	maxKinds = 64
)

// bridge connects a player's connection with its own socket at the server. The socket
// at the server comes and goes with the network and signs in again each time. The
// player does not notice that: the bridge makes up for missed events. Everything but
// Heard, Allowed and Gone runs in one goroutine.
type bridge struct {
	s   *Sockets
	end *wsconn.PlayerConn
	log *slog.Logger

	heard  chan []byte
	units  chan struct{} // one for each unit in heard
	gone   chan struct{}
	events chan delivery // from the server
	read   chan user     // the user as the REST API describes it
	wrote  chan struct{} // a player has written progress; holds one
	up     atomic.Pointer[wsconn.Socket]
	mute   context.CancelFunc // ends the delivery of up's events

	caller      atomic.Pointer[players.Caller]
	joined      bool
	initPending bool // the player waits for init
	hasInit     bool // it got one
	keyed       bool // the account has an API key: there is no socket at the server
	unsent      [][]byte
	unsentBytes int
	lostAt      time.Time     // when the server's socket was lost; zero while it is up
	away        time.Duration // how long the last loss took
	inits       int           // of the server: from the second one on there was a gap
	gapped      bool          // missed changes of the user are not known yet
	kinds       []string      // names of past events, to log what a gap may have swallowed
	known       user          // the user as the player knows it
	init        wsconn.Event
	reading     bool // the REST API is read
	rereads     bool // and must be read again
	overtaken   bool // an event came during the reading and may be newer
}

// delivery is an event of the server and a channel that is closed when it is handled.
type delivery struct {
	event   wsconn.Event
	handled chan struct{}
}

func newBridge(s *Sockets, caller players.Caller, end *wsconn.PlayerConn) *bridge {
	b := &bridge{
		s: s, end: end, log: s.cfg.Log,
		heard: make(chan []byte, heardUnits), units: make(chan struct{}, heardUnits),
		gone: make(chan struct{}), events: make(chan delivery),
		read: make(chan user, 1), wrote: make(chan struct{}, 1),
	}
	b.caller.Store(&caller)
	return b
}

// alive reports whether the player's grant still exists.
func (b *bridge) alive() bool { return b.s.cfg.Alive(*b.caller.Load()) }

// Heard implements wsconn.Player.
func (b *bridge) Heard(frame []byte) {
	for range unitsOf(frame) {
		select {
		case b.units <- struct{}{}:
		case <-b.gone:
			return
		}
	}
	select {
	case b.heard <- frame:
	case <-b.gone:
	}
}

// unitsOf returns how many units a frame takes: one for each that it begins.
func unitsOf(frame []byte) int { return min(len(frame)/heardUnit+1, heardUnits) }

// Allowed implements wsconn.Player. Events of the server need a living grant at the
// moment at which they leave. Frames of our own hold no data of the account.
func (b *bridge) Allowed(frame []byte) bool {
	return !bytes.HasPrefix(frame, []byte("42[")) || bytes.HasPrefix(frame, []byte(`42["auth_failed"`)) || b.alive()
}

// Gone implements wsconn.Player.
func (b *bridge) Gone(why error) {
	b.log.Debug("socket closed", "reason", redact.Text(why.Error()))
	close(b.gone)
}

// upstream returns the socket at the server, or nil. Any goroutine may call it.
func (b *bridge) upstream() *wsconn.Socket { return b.up.Load() }

// run serves the bridge until its end.
func (b *bridge) run(ctx context.Context) {
	b.s.open.Add(1)
	defer b.s.open.Add(-1)
	b.log.Debug("socket opened")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer b.leave()
	defer b.forgetUnsent()
	for {
		var changed <-chan struct{}
		if up := b.up.Load(); up != nil {
			changed = up.Changed()
			b.watch(ctx, up.Snapshot())
		}
		select {
		case <-b.gone:
			return
		case <-ctx.Done():
			return
		case frame := <-b.heard:
			b.take(ctx, frame)
			for range unitsOf(frame) {
				<-b.units
			}
		case d := <-b.events:
			b.give(ctx, d.event)
			close(d.handled)
		case u := <-b.read:
			again, overtaken := b.rereads, b.overtaken
			b.reading, b.rereads, b.overtaken = false, false, false
			if overtaken { // the answer may be older than what the player knows
				b.s.me.flight.Forget("me")
			} else {
				b.makeUp(ctx, u)
			}
			if again || overtaken {
				b.readUser(ctx)
			}
		case <-b.wrote:
			b.readUser(ctx)
		case <-changed:
		}
	}
}

// leave closes the socket at the server.
func (b *bridge) leave() {
	if up := b.up.Swap(nil); up != nil {
		b.mute() // else it would wait until we receive an event
		up.Close()
	}
}

// take handles one frame of the player.
func (b *bridge) take(ctx context.Context, frame []byte) {
	p := readPacket(frame)
	if !b.joined && p.kind != packetJoin && p.kind != packetAbroad {
		return // the server would end the connection; here a late join is harmless
	}
	if p.kind != packetAuth && !b.alive() {
		b.end.Close(websocket.ClosePolicyViolation, errRevoked)
		return
	}
	switch p.kind {
	case packetJoin:
		if !b.joined {
			b.joined = true
			b.end.Send([]byte(`40{"sid":"` + randomSID() + `"}`))
		}
	case packetLeave:
		b.joined, b.hasInit, b.initPending, b.inits, b.lostAt = false, false, false, 0, time.Time{}
		b.forgetUnsent()
		b.leave()
	case packetAbroad:
		b.end.Send([]byte("44" + p.name + `,{"message":"Invalid namespace"}`))
	case packetAuth:
		b.s.cfg.Asked()
		b.auth(ctx, credentialOf(p.arg))
	case packetPing:
		b.s.cfg.Asked()
		if b.keyed {
			b.end.Send([]byte(`42["pong"]`))
			return
		}
		b.emit(ctx, []byte(`42["ping"]`), p)
	default:
		if words := p.passable(b.caller.Load().Scope); words != nil && !b.keyed {
			b.s.cfg.Asked()
			b.emit(ctx, words, p)
			return
		}
		// The other events of the server change something for other users, read its
		// log, or make it ask other sites (abs: server/SocketAuthority.js).
		b.log.DebugContext(ctx, "socket event not passed on", "event", refusal.OneLine(redact.Text(p.name)))
	}
}

// watch follows the state of the socket at the server.
func (b *bridge) watch(ctx context.Context, now wsconn.Snapshot) {
	switch {
	case now.State == wsconn.Authenticated:
		b.keyed = false // an emergency key was in use, until somebody signed in
		if !b.lostAt.IsZero() {
			b.away, b.lostAt = time.Since(b.lostAt), time.Time{}
		}
		b.flush(ctx)
	case b.inits > 0 && b.lostAt.IsZero():
		b.lostAt = now.Since
	}
	if now.Cause == wsconn.CauseAPIKey && !b.keyed {
		b.keyed = true
		poke(b.wrote) // reading the user also brings init
	}
}

// give handles an event of the server.
func (b *bridge) give(ctx context.Context, e wsconn.Event) {
	if !b.alive() {
		b.end.Close(websocket.ClosePolicyViolation, errRevoked)
		return
	}
	switch e.Name {
	case "init":
		b.inits++
		b.init = e
		if b.initPending {
			b.send(ctx, e)
			b.initPending, b.hasInit = false, true
		}
		if b.inits > 1 {
			b.gapped = true
			away := b.away
			if !b.lostAt.IsZero() {
				away = time.Since(b.lostAt)
			}
			b.log.InfoContext(ctx, "the live socket was away; own progress is read anew, other events are lost",
				"for", away.Round(time.Millisecond), "lost", slices.Sorted(slices.Values(b.kinds)))
		}
		b.readUser(ctx)
		return
	case "user_updated", "user_item_progress_updated":
		b.known.learn(e)
		b.overtaken = b.reading
	default:
		if len(b.kinds) < maxKinds && !slices.Contains(b.kinds, e.Name) {
			b.kinds = append(b.kinds, e.Name)
		}
	}
	b.send(ctx, e)
}

// send queues an event for the player, without real tokens.
func (b *bridge) send(ctx context.Context, e wsconn.Event) {
	frame, size, err := e.Reader()
	if err != nil {
		return // never: the event was decoded before
	}
	clean, err := b.s.cfg.Clean(ctx, *b.caller.Load(), frame, size)
	if err != nil {
		b.log.WarnContext(ctx, "an event could not be searched for tokens and is not passed on", "event", e.Name)
		return
	}
	b.end.Send(clean)
}

var errRevoked = errors.New("the player's grant was revoked")

// poke wakes the receiver of c, which holds one signal. It never blocks.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
