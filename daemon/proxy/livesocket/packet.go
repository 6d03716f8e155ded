package livesocket

import (
	"bytes"
	"encoding/json"
	"strings"

	"shelfkeeper/daemon/players"
)

// packetKind is what a player's frame asks for, as far as that concerns us.
type packetKind int

const (
	packetOther  packetKind = iota // goes nowhere
	packetEngine                   // of Engine.IO: a single digit, no content
	packetJoin                     // CONNECT to the main namespace
	packetAbroad                   // CONNECT to another one; the server has none
	packetLeave                    // DISCONNECT from the main namespace
	packetPing                     // the event "ping"
	packetAuth                     // the event "auth"
)

// packet is a player's frame, read.
type packet struct {
	kind packetKind
	name string          // of the event or the namespace
	arg  json.RawMessage // of the event: its first argument, nil without one
	id   string          // under which the player wants an answer, "" for none
}

// readPacket reads a text frame of Engine.IO 4 with Socket.IO in it
// (socket.io-parser 4.2). What cannot be read is packetOther.
func readPacket(frame []byte) packet {
	if len(frame) == 1 && strings.IndexByte("12356", frame[0]) >= 0 {
		return packet{kind: packetEngine}
	}
	if len(frame) < 2 || frame[0] != '4' {
		return packet{}
	}
	kind, rest, namespace := frame[1], frame[2:], "/"
	if len(rest) > 0 && rest[0] == '/' {
		head, tail, _ := bytes.Cut(rest, []byte(","))
		namespace, rest = string(head), tail
	}
	home := namespace == "/"
	switch kind {
	case '0':
		switch {
		case !home:
			return packet{kind: packetAbroad, name: namespace}
		case len(rest) == 0 || rest[0] == '{' && json.Valid(rest):
			return packet{kind: packetJoin}
		}
	case '1':
		if home && len(rest) == 0 {
			return packet{kind: packetLeave}
		}
	case '2':
		var parts []json.RawMessage
		var name string
		args := bytes.TrimLeft(rest, "0123456789")
		if !home || json.Unmarshal(args, &parts) != nil ||
			len(parts) == 0 || json.Unmarshal(parts[0], &name) != nil {
			return packet{}
		}
		p := packet{name: name, id: string(rest[:len(rest)-len(args)])}
		switch name {
		case "ping":
			p.kind = packetPing
		case "auth":
			p.kind = packetAuth
		}
		if len(parts) > 1 {
			p.arg = parts[1]
		}
		return p
	}
	return packet{}
}

// credentialOf returns what the argument of "auth" presents; "" when it is
// blank, as it is from a player that holds nothing.
func credentialOf(arg json.RawMessage) string {
	var s *string
	switch {
	case arg == nil:
		return ""
	case json.Unmarshal(arg, &s) != nil:
		return string(arg) // no string: no grant looks like that
	case s == nil || strings.TrimSpace(*s) == "":
		return ""
	}
	return *s
}

// event is an event with one argument as a frame.
func event(name string, arg any) []byte {
	raw, err := json.Marshal([]any{name, arg})
	if err != nil {
		return nil // strings and maps of strings are always encoded
	}
	return append([]byte("42"), raw...)
}

// passages are the events that a wider scope than listening may send, and what
// their one argument must be: "" none, "object", "string", "number". Without
// their argument some of them end the server's process (abs:
// server/SocketAuthority.js).
var passages = map[string]struct {
	scope players.Scope
	arg   string
}{
	"search_covers":       {players.ScopeFull, "object"},
	"cancel_cover_search": {players.ScopeFull, "string"},
	"set_log_listener":    {players.ScopeAdmin, "number"},
	"remove_log_listener": {players.ScopeAdmin, ""},
	"cancel_scan":         {players.ScopeAdmin, "string"},
	"message_all_users":   {players.ScopeAdmin, "object"},
}

// passable returns p as the server gets it, in words of ours; nil when who has
// that scope may not say it.
func (p packet) passable(scope players.Scope) []byte {
	way, ok := passages[p.name]
	if !ok || !scope.Covers(way.scope) {
		return nil
	}
	if way.arg == "" {
		return append(append([]byte(`42["`), p.name...), `"]`...)
	}
	kinds := map[byte]string{'{': "object", '"': "string"}
	arg := bytes.TrimSpace(p.arg)
	if len(arg) == 0 {
		return nil
	}
	kind, ok := kinds[arg[0]]
	if !ok && (arg[0] == '-' || arg[0] >= '0' && arg[0] <= '9') {
		kind = "number"
	}
	if kind != way.arg {
		return nil
	}
	return event(p.name, json.RawMessage(arg))
}
