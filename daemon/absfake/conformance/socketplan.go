package conformance

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"regexp"
	"strings"
)

// When the recorder opened a socket is told by three things: its words, the
// numbers that the server puts into its sids, and what the socket heard.
var (
	openedBefore = regexp.MustCompile(`\bduring\b|\bwhile its\b|\bthat then\b`)
	eventsOf     = regexp.MustCompile(`^(.+)/events/([a-z0-9-]+)$`)
)

// opens tells whether the transcript begins with a handshake.
func opens(c *Case) bool {
	for _, f := range c.Frames {
		if f.Prefix == "0" || (f.Dir == "out" && strings.HasPrefix(f.Prefix+f.Raw, "40")) || (f.Dir == "out" && f.Raw == "2probe") {
			return true
		}
	}
	return len(c.Frames) == 0 && eventsOf.FindString(c.Name) == ""
}

// sidNumber is how many sockets of one life of the server came before it; -1
// where the transcript does not tell.
func sidNumber(c *Case) int {
	for _, f := range c.Frames {
		var open struct{ Sid string }
		if f.Prefix == "0" && f.Dir == "in" && json.Unmarshal(f.JSON, &open) == nil {
			raw, err := base64.URLEncoding.DecodeString(open.Sid)
			if err != nil || len(raw) < 4 {
				return -1
			}
			return int(binary.BigEndian.Uint32(raw[len(raw)-4:]) & 0xffffff) // the byte before is random
		}
	}
	return -1
}

// early is the case before which the recorder opened the socket of case k: k,
// or that of a socket which got a higher number and was done earlier. ok is
// false where it is to be opened as soon as its token is there.
func (w *World) early(k int) (at int, ok bool) {
	c := w.Cases[k]
	if openedBefore.MatchString(c.What) {
		return 0, false
	}
	at = k
	own := sidNumber(c)
	for j := k - 1; j >= 0 && own >= 0; j-- {
		if strings.Contains(w.Cases[j].Error, "ECONNREFUSED") || stopsServer(w.Cases[j]) {
			break // another life of the server counts anew
		}
		if n := sidNumber(w.Cases[j]); n > own {
			at = j
		}
	}
	return at, true
}

func stopsServer(c *Case) bool {
	for _, f := range c.Frames {
		if stopNote(f) {
			return true
		}
	}
	return false
}

// authOf is the token with which the transcript first authenticates, as a
// placeholder; "" where it does not.
func authOf(c *Case) string {
	for _, f := range c.Frames {
		if f.Dir == "out" && strings.HasPrefix(string(f.JSON), `["auth"`) {
			return holders.FindString(string(plain(f.JSON)))
		}
	}
	return ""
}

// beats tells whether heartbeats are among the frames, and whether the recorder
// answered them.
func beats(c *Case) (heard, answered bool) {
	for _, f := range c.Frames {
		heard = heard || f.Dir == "in" && f.Raw == "2"
		answered = answered || f.Dir == "out" && f.Raw == "3"
	}
	return heard, answered || !heard
}
