package keychain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

type wireRecord struct {
	Lineage         string          `json:"lin,omitempty"`
	Generation      uint64          `json:"gen"`
	Sequence        uint64          `json:"seq,omitempty"`
	Account         string          `json:"acct"`
	Server          string          `json:"srv,omitempty"`
	UserID          string          `json:"uid,omitempty"`
	Username        string          `json:"user,omitempty"`
	Access          string          `json:"at,omitempty"`
	Refresh         string          `json:"rt,omitempty"`
	Previous        string          `json:"prev,omitempty"`
	Password        *string         `json:"pw,omitempty"` // "" is the empty password
	Static          string          `json:"static,omitempty"`
	SessionID       string          `json:"sid,omitempty"`
	Orphan          string          `json:"orphan,omitempty"`
	Spare           string          `json:"spare,omitempty"`
	MoreSpares      []string        `json:"spares,omitempty"`
	PackedSpares    string          `json:"packed,omitempty"` // still more; see packTokens
	EmergencyKey    string          `json:"key,omitempty"`
	NewPassword     *string         `json:"newpw,omitempty"`
	PasswordRefused bool            `json:"pwref,omitempty"`
	Intent          json.RawMessage `json:"intent,omitempty"`
	Tombstone       bool            `json:"tomb,omitempty"`
}

type wireIntent struct {
	Since   time.Time `json:"since"`
	Attempt int       `json:"n"`
	Purpose Purpose   `json:"for,omitempty"`
}

// envelope is the stored form. The record stays raw so that the checksum is
// over the bytes themselves.
type envelope struct {
	Version int             `json:"v"`
	Sum     string          `json:"sum"`
	Record  json.RawMessage `json:"rec"`
}

func checksum(record []byte) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "v%d\n%s", recordVersion, record))
	return hex.EncodeToString(sum[:8])
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // & in a password would grow sixfold
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// escapeBraces writes the braces within the strings of a JSON text as \u007b and
// \u007d. KeePassXC takes {TITLE} and its like for placeholders and replaces them when
// an entry is read (src/core/Entry.cpp, resolveMultiplePlaceholders). What JSON itself
// puts in braces begins with a quotation mark, as no placeholder does.
func escapeBraces(text []byte) []byte {
	out := make([]byte, 0, len(text)+32)
	inString, escaped := false, false
	for _, c := range text {
		switch {
		case inString && c == '{':
			out = append(out, `\u007b`...)
		case inString && c == '}':
			out = append(out, `\u007d`...)
		default:
			out = append(out, c)
		}
		inString = inString != (c == '"' && !escaped)
		escaped = inString && c == '\\' && !escaped
	}
	return out
}
