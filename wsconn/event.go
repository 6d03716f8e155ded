package wsconn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// The names of the events of a sign-in. abs: server/SocketAuthority.js
const (
	eventAuth       = "auth"
	eventInit       = "init"
	eventAuthFailed = "auth_failed"
)

// Event is an event of the server. It may hold a real token (user_updated
// carries the user's legacy token). It therefore prints as its name only, and
// Args must not leave the program unfiltered.
type Event struct {
	Name string
	// Args is a JSON array of the arguments that follow the name.
	Args json.RawMessage

	release func() // ends the turn of a large frame; may be nil
}

// done says that the event is not used any more.
func (e Event) done() {
	if e.release != nil {
		e.release()
	}
}

// String returns the name.
func (e Event) String() string { return "event " + e.Name }

// Format implements fmt.Formatter: no verb prints the arguments.
func (e Event) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// LogValue implements slog.LogValuer.
func (e Event) LogValue() slog.Value { return slog.StringValue(e.Name) }

// Event returns p as an event. It reports false when p is no event, or its name is no
// text. The event takes over p.Data, which must not be used afterwards.
func (p Packet) Event() (Event, bool) {
	if p.Engine != EngineMessage || p.Type != EventType && p.Type != BinaryEvent {
		return Event{}, false
	}
	d := json.NewDecoder(bytes.NewReader(p.Data))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return Event{}, false
	}
	t, err := d.Token()
	name, isText := t.(string)
	if err != nil || !isText {
		return Event{}, false
	}
	at := d.InputOffset()
	remainder := p.Data[at:]
	if firstOf(remainder) != ',' {
		return Event{Name: name, Args: json.RawMessage("[]")}, true
	}
	// The byte before the first argument becomes the opening bracket, since a copy
	// may have 16 MB.
	args := remainder[bytes.IndexByte(remainder, ','):]
	args = args[len(args)-len(bytes.TrimLeft(args[1:], " \t\r\n"))-1:]
	args[0] = '['
	return Event{Name: name, Args: json.RawMessage(bytes.TrimRight(args, " \t\r\n"))}, true
}

// First decodes the first argument into v. It reports false when there is no
// argument, or one of another type.
func (e Event) First(v any) bool {
	var args []json.RawMessage
	return json.Unmarshal(e.Args, &args) == nil && len(args) > 0 && json.Unmarshal(args[0], v) == nil
}

// Frame returns the event as a frame.
func (e Event) Frame() ([]byte, error) {
	src, size, err := e.Reader()
	if err != nil {
		return nil, err
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(src, frame)
	return frame, err
}

// Reader returns the event's frame as a reader, with its length. It copies nothing.
func (e Event) Reader() (io.Reader, int, error) {
	name, err := json.Marshal(e.Name)
	if err != nil || len(e.Args) < 2 {
		return nil, 0, fmt.Errorf("encode event %s: no arguments", e.Name)
	}
	head := append(Packet{Engine: EngineMessage, Type: EventType}.Append(nil), '[')
	head = append(head, name...)
	args := bytes.TrimLeft(e.Args[1:], " \t\r\n")
	if args[0] != ']' {
		head = append(head, ',')
	}
	return io.MultiReader(bytes.NewReader(head), bytes.NewReader(args)), len(head) + len(args), nil
}

// EncodeEvent returns the frame of an event in the namespace "/".
func EncodeEvent(name string, args ...any) ([]byte, error) {
	data, err := json.Marshal(append([]any{name}, args...))
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", name, err)
	}
	return Packet{Engine: EngineMessage, Type: EventType, Data: data}.Append(nil), nil
}
