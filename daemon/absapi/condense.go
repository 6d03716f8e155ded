package absapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"shelfkeeper/daemon/redact"
)

// kept are the parts of an answer with a user that somebody reads here. The
// user's progress and bookmarks, which make it large, are none of them.
var kept = map[string]map[string]bool{
	"": {"id": true, "username": true, "type": true, "userDefaultLibraryId": true},
	"user": {
		"id": true, "username": true, "token": true, "accessToken": true, "refreshToken": true,
	},
	"serverSettings": {"version": true},
}

var errNotObject = errors.New("not one JSON object")

// condense reads one JSON object to its end and returns the parts of it that
// are kept. It holds one value of it in memory at a time.
func condense(r io.Reader) ([]byte, error) {
	d := json.NewDecoder(r)
	out, err := condensed(d, "")
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errNotObject, err)
	}
	return json.Marshal(out)
}

// condensed reads the object that begins next, which has that name.
func condensed(d *json.Decoder, name string) (map[string]any, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errNotObject, err)
	}
	return members(d, name)
}

// members reads an object up to its end.
func members(d *json.Decoder, name string) (map[string]any, error) {
	out := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		k, _ := key.(string)
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch delim, nested := value.(json.Delim); {
		case !nested:
			if kept[name][k] {
				out[k] = value
			}
		case delim == '{' && name == "" && kept[k] != nil:
			inner, err := members(d, k)
			if err != nil {
				return nil, err
			}
			out[k] = inner
		default:
			if err := skip(d); err != nil {
				return nil, err
			}
		}
	}
	_, err := d.Token() // the end of the object
	return out, err
}

// skip reads to the end of the array or object that has just begun.
func skip(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// leftover returns the refresh token of a session that the server has begun
// although its answer is of no use: a gateway that removes X-Return-Tokens makes
// ABS put it into a cookie (abs: server/Auth.js).
func leftover(a reply) redact.Secret {
	if a.status != http.StatusOK || a.elsewhere {
		return redact.Secret{}
	}
	var s struct {
		User struct {
			RefreshToken string `json:"refreshToken"`
		} `json:"user"`
	}
	if json.Unmarshal(a.body, &s) != nil {
		s.User.RefreshToken = ""
	}
	for _, c := range []string{s.User.RefreshToken, refreshCookie(a.header)} {
		if t, err := ParseToken(redact.New(c)); err == nil && t.Type == "refresh" {
			return t.Secret
		}
	}
	return redact.Secret{}
}
