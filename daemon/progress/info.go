package progress

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// info is the part of a playback session that is kept, so that the session can
// be reported even if the server forgets it.
type info struct {
	Item, Episode string
	Device        string  // the deviceId that the player gave itself
	Sum           float64 // seconds listened, when it was read
	Position      float64

	fields map[string]json.RawMessage // of the session's JSON
}

// MarshalJSON implements json.Marshaler.
func (in *info) MarshalJSON() ([]byte, error) { return json.Marshal(in.fields) }

// UnmarshalJSON implements json.Unmarshaler.
func (in *info) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	_, own, err := infoOf(fields)
	if err == nil {
		*in = *own
	}
	return err
}

// keptFields are the fields of a session that are kept (abs:
// server/objects/PlaybackSession.js). The server fills in the others from the
// library.
var keptFields = map[string]bool{
	"id": true, "userId": true, "libraryId": true, "libraryItemId": true, "bookId": true, "episodeId": true,
	"mediaType": true, "displayTitle": true, "displayAuthor": true, "coverPath": true, "duration": true,
	"playMethod": true, "mediaPlayer": true, "deviceInfo": true, "date": true, "dayOfWeek": true,
	"timeListening": true, "startTime": true, "currentTime": true, "startedAt": true, "updatedAt": true,
}

const (
	// maxField bounds each of them, and maxInfo all that can be left out.
	maxField = 4 << 10
	maxInfo  = 8 << 10
)

// needed are the fields without which a session cannot be reported.
var needed = map[string]bool{
	"id": true, "libraryItemId": true, "episodeId": true, "timeListening": true, "currentTime": true,
}

var errNoSession = errors.New("no playback session")

// readInfo reads a session as far as it is needed: its tracks and its library
// item come last and may be megabytes.
func readInfo(r io.Reader) (id string, in *info, err error) {
	dec := json.NewDecoder(r)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return "", nil, errNoSession
	}
	fields := make(map[string]json.RawMessage)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return "", nil, fmt.Errorf("%w: %w", errNoSession, err)
		}
		key, _ := t.(string)
		if key == "audioTracks" || key == "libraryItem" {
			break
		}
		if !keptFields[key] {
			if err := skip(dec); err != nil {
				return "", nil, fmt.Errorf("%w: %w", errNoSession, err)
			}
			continue
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return "", nil, fmt.Errorf("%w: %w", errNoSession, err)
		}
		fields[key] = v
		bound(fields)
	}
	return infoOf(fields)
}

// bound removes fields until what is left is small.
func bound(fields map[string]json.RawMessage) {
	size := 0
	for key, v := range fields {
		if !keptFields[key] || len(v) > maxField {
			delete(fields, key)
			continue
		}
		size += len(v)
	}
	for key := range fields {
		if size > maxInfo && !needed[key] {
			size -= len(fields[key])
			delete(fields, key)
		}
	}
}

func (in *info) size() int {
	n := len(in.Item) + len(in.Episode) + len(in.Device)
	for key, v := range in.fields {
		n += len(key) + len(v) + 64 // of the map
	}
	return n
}

func infoOf(fields map[string]json.RawMessage) (id string, in *info, err error) {
	in = &info{fields: fields}
	var device struct{ DeviceID string }
	for key, to := range map[string]any{
		"id": &id, "libraryItemId": &in.Item, "episodeId": &in.Episode,
		"timeListening": &in.Sum, "currentTime": &in.Position, "deviceInfo": &device,
	} {
		if v, ok := fields[key]; ok {
			if err := json.Unmarshal(v, to); err != nil {
				return "", nil, fmt.Errorf("%w: %s: %w", errNoSession, key, err)
			}
		}
	}
	if _, ok := fields["timeListening"]; !ok || id == "" || in.Item == "" {
		return "", nil, errNoSession
	}
	in.Device = device.DeviceID
	return id, in, nil
}

// skip reads over one value without keeping it.
func skip(dec *json.Decoder) error {
	for depth := 0; ; {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// offline returns the session as one that was listened to offline.
func (in *info) offline(sum, position float64, at int64) ([]byte, error) {
	fields := make(map[string]any, len(in.fields)+3)
	for k, v := range in.fields {
		fields[k] = v
	}
	fields["timeListening"], fields["currentTime"], fields["updatedAt"] = sum, position, at
	return json.Marshal(fields)
}
