package wsconn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrPacket is wrapped by every error of Decode. It means that the text is no
// packet.
var ErrPacket = errors.New("not a Socket.IO packet")

// EngineType is the kind of an Engine.IO packet, its first character.
// engine.io-parser 5.2: lib/commons
type EngineType byte

// The kinds of Engine.IO packets. All but EngineMessage concern the connection
// itself.
const (
	EngineOpen    EngineType = '0'
	EngineClose   EngineType = '1'
	EnginePing    EngineType = '2'
	EnginePong    EngineType = '3'
	EngineMessage EngineType = '4'
	EngineUpgrade EngineType = '5'
	EngineNoop    EngineType = '6'
)

// Type is the kind of a Socket.IO packet, the character after EngineMessage.
// socket.io-parser 4.2: lib/index
type Type byte

// The kinds of Socket.IO packets.
const (
	Connect      Type = '0'
	Disconnect   Type = '1'
	EventType    Type = '2'
	Ack          Type = '3'
	ConnectError Type = '4'
	BinaryEvent  Type = '5'
	BinaryAck    Type = '6'
)

const (
	// MaxPacket is the largest packet that is accepted, in bytes. The largest one
	// of ABS is user_updated with a user's whole progress: about 300 bytes an
	// item, which leaves room for some 50,000 items.
	MaxPacket = 16 << 20
	// maxNamespace and maxAttachments are far above anything in use: ABS has one
	// namespace, "/", and sends nothing binary.
	maxNamespace   = 256
	maxAttachments = 64
)

// Packet is one decoded text frame. Other packets than EngineMessage use only
// Engine and Data.
type Packet struct {
	Engine EngineType
	Type   Type
	// Attachments is how many binary frames follow a BinaryEvent or BinaryAck.
	Attachments int
	// Namespace begins with "/"; empty stands for "/" itself.
	Namespace string
	// ID is the number of the acknowledgement that is wanted or given, if HasID.
	ID    uint64
	HasID bool
	// Data is the JSON of an EngineMessage, or the remainder of any other frame.
	// It is nil when there is none.
	Data []byte
}

// Decode decodes a text frame. Data is a part of frame, not a copy. An accepted
// packet has the form that Socket.IO's own parser demands, with valid JSON, and
// encodes to a frame of the same meaning.
func Decode(frame []byte) (Packet, error) {
	switch {
	case len(frame) == 0:
		return Packet{}, fmt.Errorf("%w: it is empty", ErrPacket)
	case len(frame) > MaxPacket:
		return Packet{}, fmt.Errorf("%w: %d bytes are too many", ErrPacket, len(frame))
	case frame[0] < '0' || frame[0] > '6':
		return Packet{}, fmt.Errorf("%w: no kind of Engine.IO packet", ErrPacket)
	}
	p := Packet{Engine: EngineType(frame[0])}
	remainder := frame[1:]
	if p.Engine != EngineMessage {
		p.Data = orNil(remainder)
		return p, nil
	}
	if len(remainder) == 0 || remainder[0] < '0' || remainder[0] > '6' {
		return Packet{}, fmt.Errorf("%w: no kind of Socket.IO packet", ErrPacket)
	}
	p.Type = Type(remainder[0])
	remainder, err := p.head(remainder[1:])
	if err != nil {
		return Packet{}, err
	}
	p.Data = orNil(remainder)
	if err := p.check(); err != nil {
		return Packet{}, err
	}
	return p, nil
}

// head reads everything before the payload and returns the payload.
func (p *Packet) head(remainder []byte) ([]byte, error) {
	if p.Type == BinaryEvent || p.Type == BinaryAck {
		n := digits(remainder)
		count, err := strconv.ParseUint(string(remainder[:n]), 10, 16)
		if err != nil || count > maxAttachments || n == len(remainder) || remainder[n] != '-' {
			return nil, fmt.Errorf("%w: no count of attachments", ErrPacket)
		}
		p.Attachments, remainder = int(count), remainder[n+1:]
	}
	if len(remainder) > 0 && remainder[0] == '/' {
		end, next := len(remainder), len(remainder)
		if i := slices.Index(remainder, ','); i >= 0 {
			end, next = i, i+1
		}
		if end > maxNamespace {
			return nil, fmt.Errorf("%w: a namespace of %d bytes", ErrPacket, end)
		}
		if end > 1 {
			p.Namespace = string(remainder[:end])
		}
		remainder = remainder[next:]
	}
	if n := digits(remainder); n > 0 {
		id, err := strconv.ParseUint(string(remainder[:n]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: an id of %d digits", ErrPacket, n)
		}
		p.ID, p.HasID, remainder = id, true, remainder[n:]
	}
	return remainder, nil
}

// check returns an error when the kind may not carry this payload.
func (p *Packet) check() error {
	if p.Data == nil {
		switch p.Type {
		case Connect, Disconnect:
			return nil
		}
		return fmt.Errorf("%w: the payload is missing", ErrPacket)
	}
	if p.Type == Disconnect || !json.Valid(p.Data) {
		return fmt.Errorf("%w: the payload is not valid", ErrPacket)
	}
	ok := false
	switch first := firstOf(p.Data); p.Type {
	case Connect:
		ok = first == '{'
	case ConnectError:
		ok = first == '{' || first == '"'
	case Ack, BinaryAck:
		ok = first == '['
	case EventType, BinaryEvent:
		// Socket.IO allows a number as name, though ABS uses none.
		if ok = first == '['; ok {
			name := firstOf(p.Data[slices.Index(p.Data, '[')+1:])
			ok = name == '"' || name == '-' || name >= '0' && name <= '9'
		}
	}
	if !ok {
		return fmt.Errorf("%w: the payload does not fit the kind", ErrPacket)
	}
	return nil
}

// Append adds the packet's frame to dst.
func (p Packet) Append(dst []byte) []byte {
	dst = append(dst, byte(p.Engine))
	if p.Engine != EngineMessage {
		return append(dst, p.Data...)
	}
	dst = append(dst, byte(p.Type))
	if p.Type == BinaryEvent || p.Type == BinaryAck {
		dst = append(strconv.AppendInt(dst, int64(p.Attachments), 10), '-')
	}
	if p.Namespace != "" && p.Namespace != "/" {
		dst = append(append(dst, p.Namespace...), ',')
	}
	if p.HasID {
		dst = strconv.AppendUint(dst, p.ID, 10)
	}
	return append(dst, p.Data...)
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// digits counts the digits at the beginning of b.
func digits(b []byte) int {
	n := slices.IndexFunc(b, func(c byte) bool { return c < '0' || c > '9' })
	if n < 0 {
		return len(b)
	}
	return n
}

// firstOf returns the first byte of b that is not white space, or 0.
func firstOf(b []byte) byte {
	for _, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}
