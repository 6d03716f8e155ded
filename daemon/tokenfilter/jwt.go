package tokenfilter

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// Bounds of the parts of a token. Node refuses requests whose headers exceed 16 KiB,
// so no usable token is larger.
const (
	maxHeader = 512  // jsonwebtoken writes 36 characters
	maxPart   = 8192 // payload, signature
)

// alphabet says of each byte whether a token can contain it: base64url and the dot.
var alphabet = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") {
		t[c] = true
	}
	return t
}()

// payloadClaims reports whether part is the payload of a token of
// Audiobookshelf: a JSON object with a userId or a keyId (abs:
// server/auth/TokenManager.js; measured on 2.26.3 to 2.36.0).
func payloadClaims(part []byte) (Claims, bool) {
	var room [1024]byte
	raw, err := base64.RawURLEncoding.AppendDecode(room[:0], part)
	if err != nil || len(raw) < 2 || raw[0] != '{' {
		return Claims{}, false
	}
	if !bytes.Contains(raw, []byte(`"userId"`)) && !bytes.Contains(raw, []byte(`"keyId"`)) {
		return Claims{}, false
	}
	var m struct {
		User json.RawMessage `json:"userId"`
		Key  json.RawMessage `json:"keyId"`
		Type json.RawMessage `json:"type"`
	}
	if json.Unmarshal(raw, &m) != nil || m.User == nil && m.Key == nil {
		return Claims{}, false
	}
	return Claims{UserID: text(m.User), KeyID: text(m.Key), Type: text(m.Type)}, true
}

// text returns the JSON string in raw, or "".
func text(raw json.RawMessage) (s string) {
	if n := len(raw); n >= 2 && raw[0] == '"' && !bytes.ContainsRune(raw, '\\') {
		return string(raw[1 : n-1])
	}
	if raw == nil {
		return ""
	}
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// usualHeader is {"alg":"HS256","typ":"JWT"}, which jsonwebtoken writes.
const usualHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

// headerStart returns the index at which the header of an HS256 token begins in part,
// or -1. The header ends with part, before a dot. A token may follow other characters of its own
// alphabet without a break ("abs_eyJ…"). work grows by the bytes that were looked at.
//
// The time is linear in part, whatever it contains. Base64 has four alignments, and
// only one start within each of them can be that of an object which ends with the
// part: the one at which its braces are balanced, read from the end.
func headerStart(part []byte, work *int) int {
	skipped := max(0, len(part)-maxHeader)
	part = part[skipped:]
	*work += len(usualHeader)
	if n := len(part) - len(usualHeader); n >= 0 && string(part[n:]) == usualHeader {
		return skipped + n
	}
	best := -1
	for first := range min(4, len(part)) {
		aligned := part[first:]
		if !endsInBrace(aligned) {
			continue
		}
		var room [maxHeader]byte
		raw, err := base64.RawURLEncoding.AppendDecode(room[:0], aligned)
		*work += len(aligned)
		if err != nil {
			continue
		}
		open := lastObject(raw)
		*work += len(raw)
		if open < 0 || open%3 != 0 {
			continue
		}
		start := first + open/3*4
		*work += len(raw) - open
		if string(part[start:min(start+2, len(part))]) == "ey" && isHeader(raw[open:]) && (best < 0 || skipped+start < best) {
			best = skipped + start
		}
	}
	return best
}

// endsInBrace reports whether the base64 text b decodes to bytes that end in "}".
func endsInBrace(b []byte) bool {
	last := len(b) / 4 * 4
	if last == len(b) {
		last -= 4
	}
	if last < 0 {
		return false
	}
	var room [3]byte
	n, err := base64.RawURLEncoding.Decode(room[:], b[last:])
	return err == nil && n > 0 && room[n-1] == '}'
}

// lastObject returns the index of the brace that opens the object at the end of raw,
// or -1. It reads backwards from the closing brace, which is in no string.
func lastObject(raw []byte) int {
	depth, quoted := 0, false
	for i := len(raw) - 1; i >= 0; i-- {
		switch c := raw[i]; {
		case c == '"':
			backslashes := 0
			for i-backslashes > 0 && raw[i-backslashes-1] == '\\' {
				backslashes++
			}
			if backslashes%2 == 0 {
				quoted = !quoted
			}
			i -= backslashes
		case quoted:
		case c == '}':
			depth++
		case c == '{':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// isHeader reports whether raw is the header of an HS256 token.
func isHeader(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`"HS256"`)) {
		return false
	}
	var h struct {
		Alg string `json:"alg"`
	}
	return json.Unmarshal(raw, &h) == nil && h.Alg == "HS256"
}

// harmless reports whether b may replace a token anywhere.
func harmless(b []byte) bool {
	for _, c := range b {
		if !alphabet[c] && c != '~' {
			return false
		}
	}
	return true
}
