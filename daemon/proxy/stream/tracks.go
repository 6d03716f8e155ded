package stream

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"shelfkeeper/daemon/proxy/route"
)

const (
	// maxPlays bounds the remembered playback sessions: more than all players of
	// one person have open.
	maxPlays = 64
	// maxPlayBody bounds the answer to a play request that is read. A book of a
	// thousand files has about 4 MB.
	maxPlayBody = 8 << 20
)

// playRoutes open a playback session (abs: server/routers/ApiRouter.js).
var playRoutes = route.Parse(`
POST /api/items/:id/play
POST /api/items/:id/play/:episode
`)

var closeRoutes = route.Parse(`
POST /api/session/:id/close
`)

var trackRoutes = route.Parse(`
GET /public/session/:id/track/:index
`)

// Tracks remembers the files behind the tracks of playback sessions. The server keeps
// open sessions in memory only. After its restart it answers 404 for their tracks, but
// the files are still there (measured on 2.26.3 to 2.36.0).
type Tracks struct {
	mu    sync.Mutex
	files map[string]map[string]string // session → index → path of the file
	order []string                     // the sessions, the oldest first
}

// NewTracks returns Tracks without sessions.
func NewTracks() *Tracks { return &Tracks{files: make(map[string]map[string]string)} }

// Locate returns the path of the file behind the requested track. It reports false
// when none is known.
func (p *Tracks) Locate(method, path string) (string, bool) {
	if !trackRoutes.Matches(method, path) {
		return "", false
	}
	parts := route.Segments(path) // public session ID track N
	return p.file(parts[2], parts[4])
}

// Learn returns src, the body of the server's answer 200 to a request, and remembers
// the playback sessions in it. opened, which may be nil, gets an answer that opens a
// session.
func (p *Tracks) Learn(method, path string, src io.Reader, opened func(answer io.Reader)) io.Reader {
	switch {
	case closeRoutes.Matches(method, path):
		p.forget(route.Segments(path)[2])
	case playRoutes.Matches(method, path):
		return &playReader{tracks: p, opened: opened, src: src}
	}
	return src
}

func (p *Tracks) learn(session string, files map[string]string) {
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

func (p *Tracks) forget(session string) {
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

func (p *Tracks) file(session, index string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path, ok := p.files[session][index]
	return path, ok
}

// playReader keeps the body of a play answer until its end, and learns from it.
type playReader struct {
	tracks *Tracks
	opened func(io.Reader) // may be nil
	src    io.Reader
	kept   []byte
	large  bool
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
	if r.opened != nil {
		r.opened(bytes.NewReader(r.kept))
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
		r.tracks.learn(in.ID, files)
	}
}

// itemFile returns the path of a track's file. A transcoded track has none: it is a
// playlist, whose segments end with the session.
func itemFile(item, contentURL string) (string, bool) {
	u, err := url.Parse(contentURL)
	if err != nil || u.Host != "" {
		return "", false
	}
	at := strings.Index(u.Path, "/api/items/")
	if at < 0 {
		return "", false
	}
	path, ok := route.Unescape(u.Path[at:])
	if !ok || !fileRoutes.Matches(http.MethodGet, path) || route.Segments(path)[2] != item {
		return "", false
	}
	return path, true
}

var fileRoutes = route.Parse(`
GET /api/items/:id/file/:file
`)
