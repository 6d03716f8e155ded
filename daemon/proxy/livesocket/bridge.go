package livesocket

import (
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
	// heardKept is how many frames of a player may wait to be read.
	heardKept = 64
	// unsentMost and unsentBytes bound what a player says to the server while
	// there is no connection: it is sent with the next one. More is refused.
	unsentMost  = 64
	unsentBytes = 256 << 10
	// kindsKept bounds the names of events that are remembered for the log.
	kindsKept = 64
)

// bridge connects a player's end of a live socket with a socket of its own at the
// server. The one at the server comes and goes with the network, is signed in
// anew each time, and the player hears nothing of it: what it missed meanwhile
// is made up for. All but Heard and Gone happens in one goroutine.
type bridge struct {
	s   *Sockets
	end *wsconn.PlayerConn
	log *slog.Logger

	heard chan []byte
	gone  chan struct{}
	told  chan wsconn.Event // by the server
	read  chan user         // what the REST API says of the user
	wrote chan struct{}     // a player has written progress; holds one
	up    atomic.Pointer[wsconn.Socket]
	mute  context.CancelFunc // what up tells is not heard any more

	caller  players.Caller
	joined  bool
	pending int  // init that the player waits for
	hasInit bool // it got one
	keyed   bool // the account has an API key: there is no socket at the server
	unsent  [][]byte
	unsentN int
	lostAt  time.Time     // when the server's socket was lost, zero while it is up
	away    time.Duration // how long it was the last time
	inits   int           // of the server: from the second one on there was a gap
	gapped  bool          // and what was missed is not known yet
	kinds   []string      // of events that came by, to name what a gap may have swallowed
	known   user          // as the player knows the user
	init    wsconn.Event
	reading bool
	rereads bool
	// overtaken: while it was read an event has told what may be newer
	overtaken bool
}

func newBridge(s *Sockets, caller players.Caller, end *wsconn.PlayerConn) *bridge {
	return &bridge{
		s: s, end: end, log: s.cfg.Log, caller: caller,
		heard: make(chan []byte, heardKept), gone: make(chan struct{}), told: make(chan wsconn.Event),
		read: make(chan user, 1), wrote: make(chan struct{}, 1),
	}
}

// Heard implements wsconn.Player.
func (b *bridge) Heard(frame []byte) {
	select {
	case b.heard <- frame:
	case <-b.gone:
	}
}

// Gone implements wsconn.Player.
func (b *bridge) Gone(why error) {
	b.log.Debug("socket closed", "reason", redact.Text(why.Error()))
	close(b.gone)
}

// upstream returns the socket at the server, nil while there is none. It may be
// called by anybody.
func (b *bridge) upstream() *wsconn.Socket { return b.up.Load() }

// run is the life of a bridge.
func (b *bridge) run(ctx context.Context) {
	b.s.open.Add(1)
	defer b.s.open.Add(-1)
	b.log.Debug("socket opened")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer b.leave()
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
		case e := <-b.told:
			b.give(ctx, e)
		case u := <-b.read:
			again, overtaken := b.rereads, b.overtaken
			b.reading, b.rereads, b.overtaken = false, false, false
			if overtaken { // it would take the player back to what was before
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

// leave gives the server's socket back.
func (b *bridge) leave() {
	if up := b.up.Swap(nil); up != nil {
		b.mute() // or it would wait for us to take an event
		up.Close()
	}
}

// take does what one frame of the player asks for.
func (b *bridge) take(ctx context.Context, frame []byte) {
	p := readPacket(frame)
	if !b.joined && p.kind != packetJoin && p.kind != packetAbroad {
		return // the server would end the connection; a player that joins late is no harm here
	}
	if p.kind != packetAuth && !b.s.cfg.Alive(b.caller) {
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
		b.joined, b.hasInit, b.pending, b.inits, b.lostAt, b.unsent, b.unsentN = false, false, 0, 0, time.Time{}, nil, 0
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
		if words := p.passable(b.caller.Scope); words != nil && !b.keyed {
			b.s.cfg.Asked()
			b.emit(ctx, words, p)
			return
		}
		// Of the events that the server knows these change something for
		// others, read its log or make it ask other sites (abs:
		// server/SocketAuthority.js).
		b.log.DebugContext(ctx, "socket event not passed on", "event", refusal.OneLine(redact.Text(p.name)))
	}
}

// emit sends something to the server, or keeps it until there is a connection.
// When too much waits it is refused: whoever asked for an acknowledgement is
// told, and the log in any case.
func (b *bridge) emit(ctx context.Context, frame []byte, p packet) {
	if up := b.up.Load(); up != nil && b.lostAt.IsZero() && len(b.unsent) == 0 && up.Emit(ctx, frame) {
		return
	}
	if len(b.unsent) >= unsentMost || b.unsentN+len(frame) > unsentBytes {
		b.s.unsent.Add(1)
		b.log.WarnContext(ctx, "what a player said is not sent: too much waits for the server already", "event", refusal.OneLine(redact.Text(p.name)))
		if p.id != "" {
			b.end.Send([]byte("43" + p.id + `[{"error":"the server cannot be reached"}]`))
		}
		return
	}
	b.unsent = append(b.unsent, frame)
	b.unsentN += len(frame)
}

// flush sends what has waited.
func (b *bridge) flush(ctx context.Context) {
	up := b.up.Load()
	for len(b.unsent) > 0 && up != nil && up.Emit(ctx, b.unsent[0]) {
		b.unsentN -= len(b.unsent[0])
		b.unsent = b.unsent[1:]
	}
}

// watch looks at what has become of the server's socket.
func (b *bridge) watch(ctx context.Context, now wsconn.Snapshot) {
	switch {
	case now.State == wsconn.Authenticated:
		if !b.lostAt.IsZero() {
			b.away, b.lostAt = time.Since(b.lostAt), time.Time{}
		}
		b.flush(ctx)
	case b.inits > 0 && b.lostAt.IsZero():
		b.lostAt = now.Since
	}
	if now.Cause == wsconn.CauseAPIKey && !b.keyed {
		b.keyed = true
		poke(b.wrote) // the user is read, and with it comes init
	}
}

// give passes on what the server tells.
func (b *bridge) give(ctx context.Context, e wsconn.Event) {
	if !b.s.cfg.Alive(b.caller) {
		b.end.Close(websocket.ClosePolicyViolation, errRevoked)
		return
	}
	switch e.Name {
	case "init":
		b.inits++
		b.init = e
		if b.pending > 0 {
			b.send(ctx, e)
			b.pending, b.hasInit = 0, true
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
		if len(b.kinds) < kindsKept && !slices.Contains(b.kinds, e.Name) {
			b.kinds = append(b.kinds, e.Name)
		}
	}
	b.send(ctx, e)
}

// send gives an event to the player, without real tokens.
func (b *bridge) send(ctx context.Context, e wsconn.Event) {
	frame, err := e.Frame()
	if err != nil {
		return // its arguments are what was decoded before
	}
	clean, err := b.s.cfg.Clean(ctx, b.caller, frame)
	if err != nil {
		b.log.WarnContext(ctx, "an event could not be searched for tokens and is not passed on", "event", e.Name)
		return
	}
	b.end.Send(clean)
}

var errRevoked = errors.New("the player's grant was revoked")

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
