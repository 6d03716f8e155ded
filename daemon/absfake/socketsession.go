package absfake

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// Settings of the real server: the defaults of engine.io 6.5 and socket.io 4.7,
// which it does not change. abs: server/SocketAuthority.js
const (
	pingInterval   = 25 * time.Second
	pingTimeout    = 20 * time.Second
	connectTimeout = 45 * time.Second // from the handshake to the namespace
	upgradeTimeout = 10 * time.Second
	upgradeCheck   = 100 * time.Millisecond // how often a waiting GET is let go while an upgrade runs
	lingerTimeout  = 30 * time.Second       // how long a closing transport waits for its client
	maxPayload     = 1_000_000
)

// Why a session has ended, in engine.io's words, as the ledger has them too.
const (
	reasonTransportClose = "transport close" // the client went
	reasonTransportError = "transport error"
	reasonPingTimeout    = "ping timeout"
	reasonParseError     = "parse error"
	reasonForced         = "forced close" // by the server
	reasonKilled         = "killed"       // the process died
)

// socketHub has the sockets of one life of the process. Guarded by Server.mu.
type socketHub struct {
	sessions []*socketSession // in the order of their handshakes
	clients  []*socketClient  // in the order in which they joined the namespace
	wires    map[*wsTransport]struct{}
	sequence uint32        // of the ids handed out
	stalled  chan struct{} // closed when frames move again; nil: they move
}

// socketTransport carries the packets of a session. Its methods are called with
// Server.mu held and do not block.
type socketTransport interface {
	name() string
	ready() bool           // reports whether send may be called
	send(packets []string) // in order
	close(then func())     // ends it; then is called once what was sent is on its way
	discard()              // from now on close waits for nobody
	kill()                 // cuts it, as a dying process does
}

// States of a session.
const (
	socketOpen = iota
	socketClosing
	socketClosed
)

// socketSession is an Engine.IO session: what a sid stands for. It outlives a
// change of its transport. Guarded by Server.mu.
type socketSession struct {
	s         *Server
	id        string
	engine    string // path under which it was opened; sids of one engine are unknown to the other
	state     int
	transport socketTransport
	candidate *wsTransport // an upgrade that is not complete
	upgraded  bool
	buffer    []string
	endsEmpty bool // closes once the buffer has gone

	pingAt, pongBy, connectBy, upgradeBy, checkAt *ownedTimer

	client      *socketClient // in the namespace; nil: not yet or no more
	attachments int           // binary frames that an event still waits for, below 0 for ever
	waiting     nspPacket     // that event
	joins       func()        // a CONNECT that takes effect after what arrived together with it

	record *Socket // the ledger's
}

// socketIDLocked makes ids of the real server's form: random bytes and a number
// that counts sessions and namespace connections together.
func (s *Server) socketIDLocked() string {
	var b [15]byte
	binary.BigEndian.PutUint32(b[11:], s.sockets.sequence)
	_, _ = rand.Read(b[:12]) // over the number's first byte; never fails since Go 1.24
	s.sockets.sequence++
	return base64.URLEncoding.EncodeToString(b[:])
}

// openSocketLocked is a handshake.
func (s *Server) openSocketLocked(engine, address string, t socketTransport) *socketSession {
	x := &socketSession{s: s, id: s.socketIDLocked(), engine: engine, transport: t}
	x.record = s.ledger.socketOpened(Socket{ID: x.id, Path: engine, Transport: t.name(), Address: address})
	s.sockets.sessions = append(s.sockets.sessions, x)
	upgrades := []string{}
	if t.name() == transportPolling {
		upgrades = append(upgrades, transportWebsocket)
	}
	x.sendLocked(string(packetOpen) + string(toJSON(object{
		{"sid", x.id}, {"upgrades", upgrades},
		{"pingInterval", pingInterval.Milliseconds()}, {"pingTimeout", pingTimeout.Milliseconds()}, {"maxPayload", maxPayload},
	})))
	x.schedulePing()
	x.connectBy = s.afterLocked(connectTimeout, x.refuseLocked)
	return x
}

// sessionLocked finds a session of the engine by its sid.
func (s *Server) sessionLocked(engine, sid string) *socketSession {
	for _, x := range s.sockets.sessions {
		if x.id == sid && x.engine == engine {
			return x
		}
	}
	return nil
}

func (x *socketSession) schedulePing() {
	x.pingAt.stop()
	x.pingAt = x.s.afterLocked(pingInterval, func() {
		x.sendLocked(string(packetPing))
		x.expect(pingTimeout)
	})
}

// expect ends the session unless a packet arrives in time.
func (x *socketSession) expect(d time.Duration) {
	x.pongBy.stop()
	x.pongBy = x.s.afterLocked(d, func() { x.closedLocked(reasonPingTimeout) })
}

// packetLocked takes a packet of the client, of whichever kind.
func (x *socketSession) packetLocked(kind byte, data string) {
	if x.state != socketOpen {
		return
	}
	x.expect(pingInterval + pingTimeout)
	switch kind {
	case packetPing: // in Engine.IO 4 the server sends the pings
		x.closedLocked(reasonTransportError)
	case packetPong:
		x.schedulePing()
	case packetMessage:
		x.messageLocked(data)
	case packetBinary:
		x.binaryLocked()
	case packetOpen, packetClose, packetUpgrade, packetNoop:
	default:
		x.closedLocked(reasonParseError)
	}
}

// sendLocked queues a packet, as long as the session is open.
func (x *socketSession) sendLocked(packet string) {
	if x.state != socketOpen {
		return
	}
	x.buffer = append(x.buffer, packet)
	x.flushLocked()
}

func (x *socketSession) flushLocked() {
	if x.state == socketClosed || len(x.buffer) == 0 || !x.transport.ready() {
		return
	}
	packets := x.buffer
	x.buffer = nil
	x.transport.send(packets)
	if x.endsEmpty {
		x.endsEmpty = false
		x.transport.close(func() { x.closedLocked(reasonForced) })
	}
}

// closeLocked is the server's wish to end the session: what is queued still
// leaves, and the client is told.
func (x *socketSession) closeLocked(discard bool) {
	if x.state != socketOpen {
		return
	}
	x.state = socketClosing
	if len(x.buffer) > 0 {
		x.endsEmpty = true
		return
	}
	if discard {
		x.transport.discard()
	}
	x.transport.close(func() { x.closedLocked(reasonForced) })
}

// refuseLocked is closeLocked, but the client leaves the namespace at once, even
// where its transport takes longer.
func (x *socketSession) refuseLocked() {
	x.closeLocked(false)
	x.leaveLocked(true)
}

// closedLocked is the end of the session.
func (x *socketSession) closedLocked(reason string) {
	if x.state == socketClosed {
		return
	}
	x.state = socketClosed
	x.stopLocked()
	x.transport.close(func() {})
	if c := x.candidate; c != nil {
		x.candidate = nil
		c.close(func() {})
	}
	x.leaveLocked(true)
	x.s.ledger.socketClosed(x.record, reason)
	x.s.sockets.sessions = slices.DeleteFunc(x.s.sockets.sessions, func(o *socketSession) bool { return o == x })
}

func (x *socketSession) stopLocked() {
	for _, t := range []*ownedTimer{x.pingAt, x.pongBy, x.connectBy, x.upgradeBy, x.checkAt} {
		t.stop()
	}
}

// killSocketsLocked cuts every socket, as the death of the process does.
func (s *Server) killSocketsLocked() {
	for _, x := range s.sockets.sessions {
		x.state = socketClosed
		x.stopLocked()
		x.transport.kill()
		if x.client != nil {
			x.client.initAt.stop()
			s.ledger.socketUser(x.record, "", true)
		}
		s.ledger.socketClosed(x.record, reasonKilled)
	}
	for t := range s.sockets.wires {
		t.kill()
	}
	for _, p := range s.playing {
		p.stream.stop()
	}
	s.sockets = socketHub{wires: s.sockets.wires, stalled: s.sockets.stalled}
}

// decodePacket splits a packet of the client into kind and data.
func decodePacket(text string) (kind byte, data string) {
	if text == "" {
		return 0, ""
	}
	return text[0], text[1:]
}

// encodePayload is the body of a GET.
func encodePayload(packets []string) string { return strings.Join(packets, packetSeparator) }
