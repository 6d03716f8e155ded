package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// member is a member of a JSON object; objects keep their order, which clients
// may not rely on but a different server would show.
type member struct {
	key   string
	value any
}

type members []member

func (m members) get(key string) (any, bool) {
	for _, e := range m {
		if e.key == key {
			return e.value, true
		}
	}
	return nil, false
}

func (m members) keys() []string {
	out := make([]string, 0, len(m))
	for _, e := range m {
		out = append(out, e.key)
	}
	return out
}

// decode reads JSON into members, []any, string, float64, bool and nil.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	v, err := decodeValue(d)
	if err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	return v, nil
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := members{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			o = append(o, member{name, v})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	default:
		return token, nil
	}
}

func (m members) sort() {
	slices.SortFunc(m, func(a, b member) int { return strings.Compare(a.key, b.key) })
}
