package transfers

import "strings"

// Kind is what a transfer is a part of.
type Kind string

// The kinds.
const (
	Item    Kind = "item"    // of a library
	Session Kind = "session" // of listening, which knows its item
	Feed    Kind = "feed"    // a feed that somebody opened
)

// Media is what a transfer is a part of, as far as its path tells.
type Media struct {
	Kind Kind
	ID   string // of the item, the session or the feed
	Part string // the file of an item; "" for none
}

// maxID is far above the server's ids, which have 36 characters, and a feed's
// name.
const maxID = 128

// MediaOf returns what a route sends. ok is false for whatever is no media.
// segments are those of the path without the server's base path.
func MediaOf(segments []string) (m Media, ok bool) {
	m, ok = mediaAt(segments)
	if len(m.ID) > maxID || len(m.Part) > maxID {
		return Media{}, false
	}
	return m, ok
}

func mediaAt(segments []string) (m Media, ok bool) {
	is := func(at int, name string) bool { return at < len(segments) && strings.EqualFold(segments[at], name) }
	switch n := len(segments); {
	case n >= 5 && is(0, "api") && is(1, "items") && is(3, "file"):
		return Media{Item, segments[2], segments[4]}, true
	case n >= 4 && is(0, "api") && is(1, "items") && (is(3, "download") || is(3, "ebook")):
		return Media{Item, segments[2], ""}, true
	case n >= 5 && is(0, "public") && is(1, "session") && is(3, "track"):
		return Media{Session, segments[2], ""}, true
	case n >= 3 && is(0, "hls"):
		return Media{Session, segments[1], ""}, true
	case n >= 4 && is(0, "feed") && is(2, "item"):
		return Media{Feed, segments[1], ""}, true
	}
	return Media{}, false
}
