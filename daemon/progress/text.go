package progress

import (
	"errors"
	"strings"
)

// text is JSON as a player sent it. As a string it shares its memory with the
// ids that are cut out of it: there may be tens of thousands of entries.
type text string

// MarshalJSON implements json.Marshaler.
func (t text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return []byte(t), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return errors.New("no JSON where some is needed")
	}
	*t = text(b)
	return nil
}

// part returns id, in the memory of t if it stands there.
func (t text) part(id string) string {
	if i := strings.Index(string(t), id); i >= 0 {
		return string(t[i : i+len(id)])
	}
	return id
}
