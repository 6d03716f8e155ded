package answers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// object is a JSON object whose members keep their order and their bytes, so
// that an answer in which some are changed is otherwise the server's own.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

var errNoObject = errors.New("not a JSON object")

func parseObject(raw []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errNoObject
	}
	var o object
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoObject, err)
		}
		name, ok := key.(string)
		if !ok {
			return nil, errNoObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoObject, err)
		}
		o = append(o, member{name, value})
	}
	if end, err := dec.Token(); err != nil || end != json.Delim('}') {
		return nil, errNoObject
	}
	if rest := bytes.TrimSpace(raw[dec.InputOffset():]); len(rest) > 0 {
		return nil, errNoObject
	}
	return o, nil
}

func (o object) get(name string) (json.RawMessage, bool) {
	i := slices.IndexFunc(o, func(m member) bool { return m.name == name })
	if i < 0 {
		return nil, false
	}
	return o[i].value, true
}

// without returns o without the members of that name.
func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

// with returns o with one member of that name, where it was or at the end.
func (o object) with(name string, value any) object {
	raw, err := json.Marshal(value)
	if err != nil {
		raw = []byte("null") // only strings, lists of them and raw JSON are given
	}
	i := slices.IndexFunc(o, func(m member) bool { return m.name == name })
	if i < 0 {
		return append(slices.Clone(o), member{name, raw})
	}
	out := append(slices.Clone(o[:i]), member{name, raw})
	return append(out, o[i+1:].without(name)...)
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) { return o.bytes(), nil }

// bytes returns o as JSON.
func (o object) bytes() []byte {
	size := 2
	for _, m := range o {
		size += len(m.name) + len(m.value) + 4
	}
	out := make([]byte, 0, size)
	out = append(out, '{')
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(m.name) // a string always marshals
		out = append(append(append(out, name...), ':'), m.value...)
	}
	return append(out, '}')
}
