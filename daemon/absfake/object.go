package absfake

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose keys keep their order, since the length and the
// ETag of an answer depend on it.
type object []pair

type pair struct {
	key   string
	value any
}

// MarshalJSON writes the pairs in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(&b, p.key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := writeJSON(&b, p.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// writeJSON writes as JSON.stringify does: no escapes for <, > and &.
func writeJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // Encode ends with a newline
	return nil
}

func toJSON(v any) []byte {
	var b bytes.Buffer
	if err := writeJSON(&b, v); err != nil {
		panic("absfake: encode an answer: " + err.Error()) // only plain values are encoded
	}
	return b.Bytes()
}
