package proxy

import (
	"errors"
	"maps"
	"net/http"
	"time"

	"shelfkeeper/daemon/proxy/route"
	"shelfkeeper/daemon/proxy/stream"
	"shelfkeeper/daemon/proxy/transfers"
)

// earlyHead is how long a request for a file that is under way waits for the server
// before its answer begins without it. Players give up on a silent answer after 15 s
// (GStreamer) to 20 s (MPlayer), and on a 503 at once. A failure after that shows as a
// reset.
const earlyHead = 5 * time.Second

// fileKey names the file that c asks for, where it is media that can be continued.
func (c *call) fileKey() (string, bool) {
	if c.r.Method != http.MethodGet {
		return "", false
	}
	if _, media := c.media(); !media {
		return "", false
	}
	return c.path + "?" + withoutToken(c.r.URL.RawQuery), true
}

// errEarly ends an attempt whose answer begins without it.
var errEarly = errors.New("the server does not answer at once")

// headKnown reports whether the answer to c could begin before the server's.
func (s *Server) headKnown(c *call) bool {
	key, ok := c.fileKey()
	if ok {
		_, ok = s.files.Head(key, c.r)
	}
	return ok
}

// work names the book, the session or the feed of which c asks for a part.
func (c *call) work() (string, bool) {
	m, media := c.media()
	if !media {
		return "", false
	}
	return string(m.Kind) + " " + m.ID, true
}

// media is what c asks for, where it is a part of a book or an episode.
func (c *call) media() (transfers.Media, bool) {
	if !c.mediaKnown {
		c.mediaKnown = true
		c.mediaPart, c.isMedia = transfers.MediaOf(route.Segments(c.path))
	}
	return c.mediaPart, c.isMedia
}

// underWay reports whether c asks for a part of what some player was sent of late, or
// for its head: some players ask for that first, and skip a part whose head is refused.
func (s *Server) underWay(c *call) bool {
	work, ok := c.work()
	return ok && (c.r.Method == http.MethodGet || c.r.Method == http.MethodHead) && s.files.UnderWay(work)
}

// beginEarly answers c before the server does, where its head is known, and reports
// whether it has.
func (s *Server) beginEarly(w http.ResponseWriter, c *call) bool {
	key, ok := c.fileKey()
	if !ok {
		return false
	}
	head, ok := s.files.Head(key, c.r)
	if !ok {
		return false
	}
	x := &exchange{watchdog: s.broadcast.NewWatchdog()}
	defer x.watchdog.Over()
	maps.Copy(w.Header(), head.Header)
	w.WriteHeader(head.Status)
	body := stream.Begun(c.context(), head, s.source(c, x))
	defer body.Close()
	s.copyBody(w, c, body)
	return true
}
