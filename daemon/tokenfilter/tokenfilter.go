// Package tokenfilter takes Audiobookshelf's tokens out of answers on their
// way to a player.
//
// It exists because the server repeats tokens in many bodies (its never
// expiring user.token in every user object, for admins other people's too),
// and a list of paths or of key names would always miss one: keys may be
// escaped, and releases add routes. So it goes by value: whatever is a token
// of Audiobookshelf is replaced, wherever it stands, and every other byte
// passes as it came. It never verifies a signature, never parses a whole
// document and never keeps more than a bounded part of one in memory.
package tokenfilter

import (
	"io"
	"mime"
	"strings"
)

// Claims is what a token says of itself. The signature is not verified.
type Claims struct {
	UserID string // empty for API keys
	KeyID  string // empty for all but API keys
	Type   string // access, refresh, api; empty for the legacy user.token
}

// Replace returns what shall stand in a token's place; nil blanks it. What is
// not made of letters, digits and "-._~" is taken as nil, so that a replacement
// can neither end the string nor the URL that it is put into.
type Replace func(Claims) []byte

// Kind says how a body is to be read.
type Kind int

// The kinds of bodies.
const (
	Opaque  Kind = iota // audio, images, archives: nothing to look for
	Plain               // text in which tokens stand as they are
	Escaped             // JSON, in which any character of a token may be escaped
)

// KindOf returns the kind of a body by its Content-Type. What has no type, or
// none that can be read, is Plain: filtering costs such a body nothing but
// time. Multipart bodies are Plain since a part may be text.
func KindOf(contentType string) Kind {
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

// JSON returns r with every token replaced, in whatever way JSON escapes write
// it. Valid JSON stays valid. When r fails other than by io.EOF, a token that
// may have been under way is withheld.
func JSON(r io.Reader, replace Replace) io.Reader { return newReader(r, replace, true) }

// Text returns r with every token replaced that stands in it unescaped.
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
