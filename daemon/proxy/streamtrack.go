package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxPlays is how many playback sessions are remembered: more than all
	// players of one person have open.
	maxPlays = 64
	// maxPlayBody is the largest answer to a play request that is looked into.
	// A book of a thousand files has about 4 MB.
	maxPlayBody = 8 << 20
)

// playRoutes open a playback session (abs: server/routers/ApiRouter.js).
var playRoutes = routesOf(`
POST /api/items/:id/play
POST /api/items/:id/play/:episode
`)

var closeRoutes = routesOf(`
POST /api/session/:id/close
`)

var trackRoutes = routesOf(`
GET /public/session/:id/track/:index
`)

// plays remembers which files the tracks of playback sessions are. The server
// keeps open sessions in memory only: after its restart their addresses are
// 404, while the files are where they were (measured on 2.26.3 to 2.36.0).
type plays struct {
	mu    sync.Mutex
	files map[string]map[string]string // session → index → path of the file
	order []string                     // of sessions, the oldest first
}

func newPlays() *plays { return &plays{files: make(map[string]map[string]string)} }

func (p *plays) learn(session string, files map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files[session] == nil {
		p.order = append(p.order, session)
	}
	p.files[session] = files
	for len(p.order) > maxPlays {
		delete(p.files, p.order[0])
		p.order = p.order[1:]
	}
}

func (p *plays) forget(session string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.files, session)
	for i, s := range p.order {
		if s == session {
			p.order = append(p.order[:i:i], p.order[i+1:]...)
			break
		}
	}
}

func (p *plays) file(session, index string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path, ok := p.files[session][index]
	return path, ok
}

// detour sends c to the file behind the track that it asked for, once. It
// reports false where there is none.
func (s *Server) detour(c *call) bool {
	if c.detour != "" || !matches(trackRoutes, c.r.Method, c.path) {
		return false
	}
	parts := segments(c.path) // public session ID track N
	path, ok := s.plays.file(parts[2], parts[4])
	if !ok {
		return false
	}
	c.detour, c.needs = path, withBearer
	return true
}

// playsIn returns what is to see the body of resp on its way to the player, or
// nil.
func (s *Server) playsIn(c *call, resp *http.Response) *playReader {
	if resp.StatusCode != http.StatusOK {
		return nil
	}
	switch {
	case matches(closeRoutes, c.r.Method, c.path):
		s.plays.forget(segments(c.path)[2])
	case matches(playRoutes, c.r.Method, c.path):
		return &playReader{plays: s.plays, journal: s.cfg.Journal}
	}
	return nil
}

// playReader keeps the body of a play answer until its end, and learns from it.
type playReader struct {
	plays   *plays
	journal Journal // nil: none
	src     io.Reader
	kept    []byte
	large   bool
}

func (r *playReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if !r.large {
		r.kept = append(r.kept, p[:n]...)
		if r.large = len(r.kept) > maxPlayBody; r.large {
			r.kept = nil
		}
	}
	if err == io.EOF && r.kept != nil {
		r.learn()
		r.kept = nil
	}
	return n, err
}

func (r *playReader) learn() {
	if r.journal != nil {
		r.journal.Opened(bytes.NewReader(r.kept))
	}
	var in struct {
		ID     string `json:"id"`
		Item   string `json:"libraryItemId"`
		Tracks []struct {
			Index int    `json:"index"`
			URL   string `json:"contentUrl"`
		} `json:"audioTracks"`
	}
	if json.Unmarshal(r.kept, &in) != nil || in.ID == "" {
		return
	}
	files := make(map[string]string, len(in.Tracks))
	for _, t := range in.Tracks {
		if path, ok := itemFile(in.Item, t.URL); ok {
			files[strconv.Itoa(t.Index)] = path
		}
	}
	if len(files) > 0 {
		r.plays.learn(in.ID, files)
	}
}

// itemFile returns the path of a track's file, where the track is one: that of
// a transcode is a playlist, whose segments are gone with the session.
func itemFile(item, contentURL string) (string, bool) {
	u, err := url.Parse(contentURL)
	if err != nil || u.Host != "" {
		return "", false
	}
	at := strings.Index(u.Path, "/api/items/")
	if at < 0 {
		return "", false
	}
	path, ok := unescapeClean(u.Path[at:])
	if !ok || !matches(fileRoutes, http.MethodGet, path) || segments(path)[2] != item {
		return "", false
	}
	return path, true
}

var fileRoutes = routesOf(`
GET /api/items/:id/file/:file
`)
