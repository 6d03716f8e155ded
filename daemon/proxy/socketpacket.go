package proxy

import (
	"bytes"
	"encoding/json"
	"strings"
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
}

// readPacket reads a text frame of Engine.IO 4 with Socket.IO in it
// (socket.io-parser 4.2). What cannot be read is packetOther. The id of an
// acknowledgement is passed over, since the server sends none (abs:
// server/SocketAuthority.js).
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
		if !home || json.Unmarshal(bytes.TrimLeft(rest, "0123456789"), &parts) != nil ||
			len(parts) == 0 || json.Unmarshal(parts[0], &name) != nil {
			return packet{}
		}
		p := packet{name: name}
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
