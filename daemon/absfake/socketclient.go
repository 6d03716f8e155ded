package absfake

import (
	"encoding/json"
	"slices"
	"time"
)

// socketClient is a session in the namespace "/", where events are. What it may
// see is settled once, by the event "auth"; nothing that happens to the token or
// to the user afterwards takes it away. abs: server/SocketAuthority.js. Guarded
// by Server.mu.
type socketClient struct {
	x      *socketSession
	user   *user // nil: not authenticated
	initAt *ownedTimer
}

// messageLocked takes what a message packet carries.
func (x *socketSession) messageLocked(text string) {
	if x.attachments != 0 {
		x.closeLocked(false) // text where the rest of an event was due
		return
	}
	p, err := decodeNsp(text)
	if err != nil {
		x.closeLocked(false)
		return
	}
	if p.kind == nspBinaryEvent || p.kind == nspBinaryAck {
		x.attachments, x.waiting = p.attachments, p
		if p.attachments > 0 {
			return
		}
		x.attachments = -1 // what claims to be binary and is not blocks all that follows
	}
	x.nspLocked(p)
}

// binaryLocked takes a binary message, which belongs to an event or nowhere.
func (x *socketSession) binaryLocked() {
	if x.attachments == 0 {
		x.closeLocked(false)
		return
	}
	if x.attachments--; x.attachments == 0 {
		x.nspLocked(x.waiting)
	}
}

func (x *socketSession) nspLocked(p nspPacket) {
	joined := x.client != nil && p.namespace == "/"
	switch {
	case p.kind == nspConnect && p.namespace != "/":
		x.sendLocked("44" + p.namespace + "," + string(toJSON(object{{"message", "Invalid namespace"}})))
	case p.kind == nspConnect && !joined:
		x.joins = x.joinLocked
	case p.kind == nspConnect || p.kind == nspConnectError || !joined:
		x.refuseLocked()
	case p.kind == nspDisconnect:
		x.leaveLocked(false)
	case p.kind == nspEvent || p.kind == nspBinaryEvent:
		x.s.ledger.socketReceived(x.record)
		x.client.eventLocked(p)
	}
}

// arrivedLocked is called after what arrived together: only then does a CONNECT
// take effect, so that an event in the same body or segment comes too early and
// ends the session. socket.io 4.7: lib/namespace, _add
func (x *socketSession) arrivedLocked() {
	if join := x.joins; join != nil {
		x.joins = nil
		join()
	}
}

func (x *socketSession) joinLocked() {
	if x.state != socketOpen || x.client != nil {
		return
	}
	x.connectBy.stop()
	x.client = &socketClient{x: x}
	x.s.sockets.clients = append(x.s.sockets.clients, x.client)
	x.s.ledger.socketConnected(x.record)
	x.sendLocked("40" + string(toJSON(object{{"sid", x.s.socketIDLocked()}})))
}

// leaveLocked takes the session out of the namespace and tells administrators.
// The one who leaves is told too, if its transport still stands. ends tells
// whether the session goes with it.
func (x *socketSession) leaveLocked(ends bool) {
	c := x.client
	if c == nil {
		return
	}
	x.client = nil
	if c.user != nil {
		x.s.emitAdminsLocked("user_offline", x.s.publicUserLocked(c.user))
		x.s.ledger.socketUser(x.record, "", ends)
	}
	x.s.sockets.clients = slices.DeleteFunc(x.s.sockets.clients, func(o *socketClient) bool { return o == c })
	if ends {
		c.initAt.stop()
	}
}

func (c *socketClient) emitLocked(event string, args ...any) {
	c.x.emitRawLocked(encodeEvent(event, args...))
}

func (x *socketSession) emitRawLocked(packet string) {
	if x.state == socketOpen {
		x.s.ledger.socketSent(x.record)
		x.sendLocked(packet)
	}
}

// eventLocked is an event of the client; unknown ones are nothing. An
// acknowledgement is never sent.
func (c *socketClient) eventLocked(p nspPacket) {
	s := c.x.s
	switch p.event() {
	case "auth":
		c.authLocked(p.text(1))
	case "ping":
		c.emitLocked("pong")
	case "message_all_users":
		if c.user == nil || !c.user.isAdmin() {
			return
		}
		var payload struct {
			Message any `json:"message"`
		}
		if len(p.args) < 2 || string(p.args[1]) == "null" {
			s.crashLocked() // it reads a member of nothing
			return
		}
		_ = json.Unmarshal(p.args[1], &payload) // a payload of another kind has no message
		if !truthy(payload.Message) {
			payload.Message = ""
		}
		s.emitAllLocked("admin_message", payload.Message)
	}
}

// authLocked is the event "auth". A token that is refused leaves what was there
// before in force.
func (c *socketClient) authLocked(token string) {
	s := c.x.s
	u, refusal := s.socketUserLocked(token)
	attempt := SocketAuth{TokenKind: kindWith(s.secret, token), Token: TokenID(token), OK: u != nil}
	if u == nil {
		s.ledger.socketAuth(c.x.record, attempt)
		refusal(c)
		return
	}
	attempt.User = u.name
	c.user = u
	s.ledger.socketUser(c.x.record, u.name, false)
	s.ledger.socketAuth(c.x.record, attempt)
	s.emitAdminsLocked("user_online", s.publicUserLocked(u))
	u.lastSeen = millis(time.Now())
	// The answer waits for the database, so what the client sends next may be
	// answered first.
	c.initAt.stop()
	c.initAt = s.afterLocked(storeLatency, func() {
		o := object{{"userId", c.user.id}, {"username", c.user.name}}
		if u.isAdmin() {
			o = append(o, pair{"usersOnline", s.usersOnlineLocked()})
		}
		c.emitLocked("init", o)
	})
}

// socketUserLocked finds whom a token stands for. An API key stands for nobody
// here, since it names no user.
func (s *Server) socketUserLocked(token string) (*user, func(*socketClient)) {
	invalid := func(c *socketClient) { c.emitLocked("auth_failed", object{{"message", "Invalid token"}}) }
	if !s.facts.jwtSessions {
		invalid = func(c *socketClient) { c.emitLocked("invalid_token") }
	}
	inactive := func(c *socketClient) { c.emitLocked("auth_failed", object{{"message", "Invalid user"}}) }
	claims, err := parseToken(s.secret, token)
	if err != nil || claims.UserID == "" || (claims.Type == TokenRefresh && !s.facts.refreshAsBearer) {
		return nil, invalid
	}
	u := s.userByIDLocked(claims.UserID)
	switch {
	case u == nil:
		return nil, invalid
	case !u.active && s.facts.jwtSessions: // before, nobody looked
		return nil, inactive
	}
	return u, nil
}

// crashLocked is an exception that nobody catches: the process ends, and whoever
// runs it starts it again.
func (s *Server) crashLocked() {
	s.open.Add(1)
	go func() {
		defer s.open.Done()
		s.Restart()
	}()
}
