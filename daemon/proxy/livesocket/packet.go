package livesocket

import (
	"bytes"
	"encoding/json"
	"strings"

	"shelfkeeper/daemon/players"
)

// packetKind is the kind of a player's frame.
type packetKind int

const (
	packetOther  packetKind = iota // is not passed on
	packetEngine                   // of Engine.IO: a single digit without content
	packetJoin                     // CONNECT to the main namespace
	packetAbroad                   // CONNECT to another one; the server has none
	packetLeave                    // DISCONNECT from the main namespace
	packetPing                     // the event "ping"
	packetAuth                     // the event "auth"
)

// packet is a decoded frame of a player.
type packet struct {
	kind packetKind
	name string          // of the event or the namespace
	arg  json.RawMessage // of the event: its first argument, nil without one
	id   string          // of the acknowledgement that the player wants, or ""
}

// readPacket reads a text frame of Engine.IO 4 with Socket.IO in it
// (socket.io-parser 4.2). Unreadable frames are packetOther.
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

// credentialOf returns the credential in the argument of "auth". It is "" for a blank
// one, which players without a credential send.
func credentialOf(arg json.RawMessage) string {
	var s *string
	switch {
	case arg == nil:
		return ""
	case json.Unmarshal(arg, &s) != nil:
		return string(arg) // no string: it matches no grant
	case s == nil || strings.TrimSpace(*s) == "":
		return ""
	}
	return *s
}

// event returns the frame of an event with one argument.
func event(name string, arg any) []byte {
	raw, err := json.Marshal([]any{name, arg})
	if err != nil {
		return nil // never: strings and maps of strings can be encoded
	}
	return append([]byte("42"), raw...)
}

// passages are the events that need a wider scope than listen, with the type of their
// one argument: "" for none, "object", "string", "number". Some of them end the server's
// process when the argument is missing (abs: server/SocketAuthority.js).
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

// passable returns the frame that the server gets for p, written anew. It is nil when
// the scope does not allow p.
func (p packet) passable(scope players.Scope) []byte {
	passage, ok := passages[p.name]
	if !ok || !scope.Covers(passage.scope) {
		return nil
	}
	if passage.arg == "" {
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
	if kind != passage.arg {
		return nil
	}
	return event(p.name, json.RawMessage(arg))
}
