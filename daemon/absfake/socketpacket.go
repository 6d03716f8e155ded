package absfake

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Kinds of Engine.IO packets, by the first character of each.
// engine.io-parser 5.2: lib/commons
const (
	packetOpen    = '0'
	packetClose   = '1'
	packetPing    = '2'
	packetPong    = '3'
	packetMessage = '4'
	packetUpgrade = '5'
	packetNoop    = '6'

	// packetBinary stands in for a WebSocket's binary frame or, in text, for
	// base64 after the letter b: a message that holds no text.
	packetBinary = 'b'
)

// packetSeparator stands between the packets of one body when polling.
const packetSeparator = "\x1e"

// Kinds of Socket.IO packets. socket.io-parser 4.2: lib/index
const (
	nspConnect = iota
	nspDisconnect
	nspEvent
	nspAck
	nspConnectError
	nspBinaryEvent
	nspBinaryAck
)

var errPacket = errors.New("absfake: no Socket.IO packet")

// nspPacket is a Socket.IO packet, decoded.
type nspPacket struct {
	kind        int
	namespace   string
	attachments int
	args        []json.RawMessage // of an event: its name, then its arguments
}

// reservedEvents are names that no client may use for an event.
var reservedEvents = map[string]bool{
	"connect": true, "connect_error": true, "disconnect": true,
	"disconnecting": true, "newListener": true, "removeListener": true,
}

// decodeNsp reads what a message packet carries. The id of an acknowledgement is
// passed over: the server never answers one.
func decodeNsp(text string) (nspPacket, error) {
	if text == "" || text[0] < '0' || text[0] > '6' {
		return nspPacket{}, errPacket
	}
	p := nspPacket{kind: int(text[0] - '0'), namespace: "/"}
	text = text[1:]
	if p.kind == nspBinaryEvent || p.kind == nspBinaryAck {
		count, rest, ok := strings.Cut(text, "-")
		n, err := strconv.Atoi(count)
		if !ok || (err != nil && count != "") {
			return p, errPacket
		}
		p.attachments, text = n, rest
	}
	if strings.HasPrefix(text, "/") {
		p.namespace, text, _ = strings.Cut(text, ",")
	}
	text = strings.TrimLeft(text, "0123456789")
	if text == "" {
		return p, nil
	}
	return p, p.payload([]byte(text))
}

// payload checks what each kind may carry, and keeps what an event does.
func (p *nspPacket) payload(raw []byte) error {
	if !json.Valid(raw) {
		return errPacket
	}
	first := strings.TrimLeft(string(raw), " \t\r\n")[0]
	switch p.kind {
	case nspConnect:
		if first != '{' {
			return errPacket
		}
	case nspConnectError:
		if first != '{' && first != '"' {
			return errPacket
		}
	case nspAck, nspBinaryAck:
		if first != '[' {
			return errPacket
		}
	case nspEvent, nspBinaryEvent:
		if json.Unmarshal(raw, &p.args) != nil || len(p.args) == 0 {
			return errPacket
		}
		var name any
		_ = json.Unmarshal(p.args[0], &name) // valid: the whole is
		switch name := name.(type) {
		case string:
			if reservedEvents[name] {
				return errPacket
			}
		case float64:
		default:
			return errPacket
		}
	default: // a disconnection carries nothing
		return errPacket
	}
	return nil
}

// event is the name of an event; "" where it has none or a number.
func (p nspPacket) event() string { return p.text(0) }

// text is an argument that is a string, or "".
func (p nspPacket) text(i int) string {
	var s string
	if i < len(p.args) {
		_ = json.Unmarshal(p.args[i], &s) // anything else stays ""
	}
	return s
}

// encodeEvent is an event as a message packet.
func encodeEvent(event string, args ...any) string {
	return "42" + string(toJSON(append([]any{event}, args...)))
}
