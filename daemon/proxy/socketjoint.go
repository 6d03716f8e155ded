package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
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

// joint joins a player's end of a live socket with a socket of its own at the
// server. The one at the server comes and goes with the network, is signed in
// anew each time, and the player hears nothing of it: what it missed meanwhile
// is made up for. All but Heard and Gone happens in one goroutine.
type joint struct {
	s   *Server
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
	owed    int  // init that the player waits for
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

func newJoint(s *Server, caller players.Caller, end *wsconn.PlayerConn) *joint {
	return &joint{
		s: s, end: end, log: s.log, caller: caller,
		heard: make(chan []byte, heardKept), gone: make(chan struct{}), told: make(chan wsconn.Event),
		read: make(chan user, 1), wrote: make(chan struct{}, 1),
	}
}

// Heard implements wsconn.Player.
func (j *joint) Heard(frame []byte) {
	select {
	case j.heard <- frame:
	case <-j.gone:
	}
}

// Gone implements wsconn.Player.
func (j *joint) Gone(why error) {
	j.log.Debug("socket closed", "reason", redact.Text(why.Error()))
	close(j.gone)
}

// upstream returns the socket at the server, nil while there is none. It may be
// called by anybody.
func (j *joint) upstream() *wsconn.Socket { return j.up.Load() }

// run is the life of a joint.
func (j *joint) run(ctx context.Context) {
	j.s.stats.sockets.Add(1)
	defer j.s.stats.sockets.Add(-1)
	j.log.Debug("socket opened")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer j.leave()
	for {
		var changed <-chan struct{}
		if up := j.up.Load(); up != nil {
			changed = up.Changed()
			j.watch(ctx, up.Snapshot())
		}
		select {
		case <-j.gone:
			return
		case <-ctx.Done():
			return
		case frame := <-j.heard:
			j.take(ctx, frame)
		case e := <-j.told:
			j.give(ctx, e)
		case u := <-j.read:
			again, overtaken := j.rereads, j.overtaken
			j.reading, j.rereads, j.overtaken = false, false, false
			if overtaken { // it would take the player back to what was before
				j.s.sockets.me.flight.Forget("me")
			} else {
				j.makeUp(ctx, u)
			}
			if again || overtaken {
				j.readUser(ctx)
			}
		case <-j.wrote:
			j.readUser(ctx)
		case <-changed:
		}
	}
}

// leave gives the server's socket back.
func (j *joint) leave() {
	if up := j.up.Swap(nil); up != nil {
		j.mute() // or it would wait for us to take an event
		up.Close()
	}
}

// take does what one frame of the player asks for.
func (j *joint) take(ctx context.Context, frame []byte) {
	p := readPacket(frame)
	if !j.joined && p.kind != packetJoin && p.kind != packetAbroad {
		return // the server would end the connection; a player that joins late is no harm here
	}
	if p.kind != packetAuth && !j.s.cfg.Grants.Alive(j.caller) {
		j.end.Close(websocket.ClosePolicyViolation, errRevoked)
		return
	}
	switch p.kind {
	case packetJoin:
		if !j.joined {
			j.joined = true
			j.end.Send([]byte(`40{"sid":"` + randomSID() + `"}`))
		}
	case packetLeave:
		j.joined, j.hasInit, j.owed, j.inits, j.lostAt, j.unsent, j.unsentN = false, false, 0, 0, time.Time{}, nil, 0
		j.leave()
	case packetAbroad:
		j.end.Send([]byte("44" + p.name + `,{"message":"Invalid namespace"}`))
	case packetAuth:
		j.s.stir()
		j.auth(ctx, credentialOf(p.arg))
	case packetPing:
		j.s.stir()
		if j.keyed {
			j.end.Send([]byte(`42["pong"]`))
			return
		}
		j.emit(ctx, []byte(`42["ping"]`), p)
	default:
		if words := p.passable(j.caller.Scope); words != nil && !j.keyed {
			j.s.stir()
			j.emit(ctx, words, p)
			return
		}
		// Of the events that the server knows these change something for
		// others, read its log or make it ask other sites (abs:
		// server/SocketAuthority.js).
		j.log.DebugContext(ctx, "socket event not passed on", "event", oneLine(redact.Text(p.name)))
	}
}

// emit sends something to the server, or keeps it until there is a connection.
// When too much waits it is refused: whoever asked for an acknowledgement is
// told, and the log in any case.
func (j *joint) emit(ctx context.Context, frame []byte, p packet) {
	if up := j.up.Load(); up != nil && j.lostAt.IsZero() && len(j.unsent) == 0 && up.Emit(ctx, frame) {
		return
	}
	if len(j.unsent) >= unsentMost || j.unsentN+len(frame) > unsentBytes {
		j.s.stats.unsent.Add(1)
		j.log.WarnContext(ctx, "what a player said is not sent: too much waits for the server already", "event", oneLine(redact.Text(p.name)))
		if p.id != "" {
			j.end.Send([]byte("43" + p.id + `[{"error":"the server cannot be reached"}]`))
		}
		return
	}
	j.unsent = append(j.unsent, frame)
	j.unsentN += len(frame)
}

// flush sends what has waited.
func (j *joint) flush(ctx context.Context) {
	up := j.up.Load()
	for len(j.unsent) > 0 && up != nil && up.Emit(ctx, j.unsent[0]) {
		j.unsentN -= len(j.unsent[0])
		j.unsent = j.unsent[1:]
	}
}

// watch looks at what has become of the server's socket.
func (j *joint) watch(ctx context.Context, now wsconn.Snapshot) {
	switch {
	case now.State == wsconn.Authenticated:
		if !j.lostAt.IsZero() {
			j.away, j.lostAt = time.Since(j.lostAt), time.Time{}
		}
		j.flush(ctx)
	case j.inits > 0 && j.lostAt.IsZero():
		j.lostAt = now.Since
	}
	if now.Cause == wsconn.CauseAPIKey && !j.keyed {
		j.keyed = true
		poke(j.wrote) // the user is read, and with it comes init
	}
}

// give passes on what the server tells.
func (j *joint) give(ctx context.Context, e wsconn.Event) {
	if !j.s.cfg.Grants.Alive(j.caller) {
		j.end.Close(websocket.ClosePolicyViolation, errRevoked)
		return
	}
	switch e.Name {
	case "init":
		j.inits++
		j.init = e
		if j.owed > 0 {
			j.send(ctx, e)
			j.owed, j.hasInit = 0, true
		}
		if j.inits > 1 {
			j.gapped = true
			away := j.away
			if !j.lostAt.IsZero() {
				away = time.Since(j.lostAt)
			}
			j.log.InfoContext(ctx, "the live socket was away; own progress is read anew, other events are lost",
				"for", away.Round(time.Millisecond), "lost", slices.Sorted(slices.Values(j.kinds)))
		}
		j.readUser(ctx)
		return
	case "user_updated", "user_item_progress_updated":
		j.known.learn(e)
		j.overtaken = j.reading
	default:
		if len(j.kinds) < kindsKept && !slices.Contains(j.kinds, e.Name) {
			j.kinds = append(j.kinds, e.Name)
		}
	}
	j.send(ctx, e)
}

// send gives an event to the player, without real tokens.
func (j *joint) send(ctx context.Context, e wsconn.Event) {
	frame, err := e.Frame()
	if err != nil {
		return // its arguments are what was decoded before
	}
	src := tokenfilter.JSON(bytes.NewReader(frame), j.s.replaceFor(ctx, j.caller))
	known := func() []redact.Secret { _, k := j.s.cfg.Identity(); return k }
	clean, err := io.ReadAll(tokenfilter.Guard(src, known, func() { j.s.withheldAt(ctx, "/socket.io/") }))
	if err != nil {
		j.log.WarnContext(ctx, "an event could not be searched for tokens and is not passed on", "event", e.Name)
		return
	}
	j.end.Send(clean)
}

var errRevoked = errors.New("the player's grant was revoked")

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
