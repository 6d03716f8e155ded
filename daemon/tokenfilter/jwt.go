package tokenfilter

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// Bounds of what can be a token. Node refuses requests whose headers exceed
// 16 KiB, so nothing near that is ever presented to a server.
const (
	maxHeader = 512  // jsonwebtoken writes 36 characters
	maxPart   = 8192 // payload, signature
)

// alphabet reports of each byte whether it can stand in a token: base64url
// and the dot.
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

// text returns the string that raw holds, or "".
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

// headerStart returns where in part, which ends at a dot, the header of an
// HS256 token begins, or -1. A token may follow other characters of its own
// alphabet without a break ("abs_eyJ…").
func headerStart(part []byte) int {
	from := max(0, len(part)-maxHeader)
	for {
		i := bytes.Index(part[from:], []byte("ey"))
		if i < 0 {
			return -1
		}
		from += i
		if isHeader(part[from:]) {
			return from
		}
		from++
	}
}

// usualHeader is {"alg":"HS256","typ":"JWT"}, which jsonwebtoken writes.
const usualHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

func isHeader(part []byte) bool {
	if string(part) == usualHeader {
		return true
	}
	var room [maxHeader]byte
	raw, err := base64.RawURLEncoding.AppendDecode(room[:0], part)
	if err != nil || len(raw) < 2 || raw[0] != '{' || raw[len(raw)-1] != '}' || !bytes.Contains(raw, []byte(`"HS256"`)) {
		return false
	}
	var h struct {
		Alg string `json:"alg"`
	}
	return json.Unmarshal(raw, &h) == nil && h.Alg == "HS256"
}

// harmless reports whether b may be put in a token's place anywhere.
func harmless(b []byte) bool {
	for _, c := range b {
		if !alphabet[c] && c != '~' {
			return false
		}
	}
	return true
}
