// Package tokenfilter removes Audiobookshelf's tokens from answers on their way to
// a player.
//
// It exists because the server repeats tokens in many bodies: every user object
// holds user.token, which never expires, and administrators get the tokens of other
// users. A list of paths or of key names would miss some, since keys may be escaped
// and new releases add routes. Therefore the filter looks at values: it replaces
// every token of Audiobookshelf, wherever it stands, and changes no other byte.
//
// Begin with KindOf, which says how to search a body: by JSON, by Text, or not at
// all. Guard comes last and removes secrets that are known by their exact bytes.
// Each function returns a reader for one goroutine. Its only errors are those of
// the reader that it was given.
//
// The package never verifies a signature and never parses a whole document. It
// keeps only a bounded part of a document in memory, and its time is linear in the
// length of the document, whatever that contains.
package tokenfilter

import (
	"io"
	"mime"
	"strings"
)

// Claims are the claims of a token. Its signature is not verified.
type Claims struct {
	UserID string // empty for API keys
	KeyID  string // empty for all other tokens
	Type   string // access, refresh, api; empty for the legacy user.token
}

// Replace returns the replacement of a token; nil removes the token. A replacement
// with other characters than letters, digits and "-._~" counts as nil, so that it
// cannot end the surrounding string or URL.
type Replace func(Claims) []byte

// Kind says how to search a body.
type Kind int

// The kinds of bodies.
const (
	Opaque  Kind = iota // audio, images, archives: not searched
	Plain               // text in which tokens are not escaped
	Escaped             // JSON, in which any character of a token may be escaped
)

// KindOf returns the kind of a body by its Content-Type. A body without a readable
// type is Plain: filtering it costs only time. Multipart bodies are Plain since a part
// may be text.
func KindOf(contentType string) Kind {
	switch contentType { // what nearly all answers have, without a look at its parts
	case "application/json; charset=utf-8":
		return Escaped
	case "audio/mpeg", "audio/mp4", "image/jpeg", "image/webp":
		return Opaque
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil && t == "" {
		return Plain
	}
	major, minor, _ := strings.Cut(t, "/")
	switch {
	case minor == "json", strings.HasSuffix(minor, "+json"), strings.HasSuffix(minor, "json-seq"), minor == "x-ndjson":
		return Escaped
	case major == "text", major == "multipart", major == "message",
		minor == "xml", strings.HasSuffix(minor, "+xml"):
		return Plain
	}
	switch minor {
	case "javascript", "x-javascript", "ecmascript", "x-www-form-urlencoded", "http",
		"vnd.apple.mpegurl", "x-mpegurl", "mpegurl", "x-scpls", "xspf":
		return Plain
	}
	return Opaque
}

// JSON returns r with every token replaced, also when JSON escapes are used in it.
// Valid JSON stays valid. When r fails with another error than io.EOF, the possible
// beginning of a token is withheld.
func JSON(r io.Reader, replace Replace) io.Reader { return newReader(r, replace, true) }

// Text returns r with every unescaped token replaced.
func Text(r io.Reader, replace Replace) io.Reader { return newReader(r, replace, false) }

// Value returns s with every token replaced: for header values and addresses.
func Value(s string, replace Replace) string {
	if !strings.Contains(s, ".ey") {
		return s
	}
	b, err := io.ReadAll(Text(strings.NewReader(s), replace))
	if err != nil {
		return ""
	}
	return string(b)
}
