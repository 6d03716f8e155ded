package keychain

import (
	"encoding/json"
	"reflect"
	"strings"
)

// A newer build may add fields without raising the version. An older one keeps
// them as they are when it writes a record anew: what they mean may be needed
// again. A field whose loss or neglect would do harm must raise the version.

// unknownFields returns the members of a JSON object that have no field in T, as
// one object with its keys sorted; "" for none.
func unknownFields[T any](object []byte) string {
	var all map[string]json.RawMessage
	if json.Unmarshal(object, &all) != nil {
		return ""
	}
	for name := range all {
		if hasField(reflect.TypeFor[T](), name) {
			delete(all, name)
		}
	}
	if len(all) == 0 {
		return ""
	}
	text, err := marshal(all)
	if err != nil {
		return "" // what was just read as JSON can be written as JSON
	}
	return string(text)
}

// hasField reports whether encoding/json reads a member of that name into t. It
// does not tell names apart by case.
func hasField(t reflect.Type, name string) bool {
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if strings.EqualFold(tag, name) {
			return true
		}
	}
	return false
}

// marshalWith is marshal of a struct with the members of another object added.
func marshalWith(v any, unknown string) ([]byte, error) {
	known, err := marshal(v)
	switch {
	case err != nil || unknown == "":
		return known, err
	case string(known) == "{}":
		return []byte(unknown), nil
	}
	return append(append(known[:len(known)-1], ','), unknown[1:]...), nil
}
