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
}

// String returns the name.
func (e Event) String() string { return "event " + e.Name }

// Format implements fmt.Formatter: no verb prints the arguments.
func (e Event) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// LogValue implements slog.LogValuer.
func (e Event) LogValue() slog.Value { return slog.StringValue(e.Name) }

// Event returns p as an event. It reports false when p is no event, or its name
// is no text. The arguments are a copy.
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
	remainder := p.Data[d.InputOffset():]
	args := make(json.RawMessage, 0, len(remainder)+1)
	if comma := bytes.IndexByte(remainder, ','); comma >= 0 && firstOf(remainder) == ',' {
		remainder = remainder[comma+1:]
	}
	args = append(append(args, '['), bytes.TrimSpace(remainder)...)
	return Event{Name: name, Args: args}, true
}

// First decodes the first argument into v. It reports false when there is no
// argument, or one of another type.
func (e Event) First(v any) bool {
	var args []json.RawMessage
	return json.Unmarshal(e.Args, &args) == nil && len(args) > 0 && json.Unmarshal(args[0], v) == nil
}

// Frame returns the event as a frame.
func (e Event) Frame() ([]byte, error) {
	name, err := json.Marshal(e.Name)
	if err != nil || len(e.Args) < 2 {
		return nil, fmt.Errorf("encode event %s: no arguments", e.Name)
	}
	data := append([]byte{'['}, name...)
	if args := bytes.TrimSpace(e.Args[1:]); len(args) > 0 && args[0] != ']' {
		data = append(data, ',')
	}
	data = append(data, e.Args[1:]...)
	return Packet{Engine: EngineMessage, Type: EventType, Data: data}.Append(nil), nil
}

// EncodeEvent returns the frame of an event in the namespace "/".
func EncodeEvent(name string, args ...any) ([]byte, error) {
	data, err := json.Marshal(append([]any{name}, args...))
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", name, err)
	}
	return Packet{Engine: EngineMessage, Type: EventType, Data: data}.Append(nil), nil
}
