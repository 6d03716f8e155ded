package proxy

import (
	"bytes"
	"container/list"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/proxy/route"
)

// A page of covers is fifty small answers over six connections, so over a long line it
// waits for round trips. The server lets its covers be kept for a day, each under an
// address of its own for each change (abs: server/controllers/LibraryItemController.js,
// getCover). So they are kept here for all players together, in memory alone.

// pictureRoutes are the covers, and the pictures of authors.
var pictureRoutes = route.Parse(`
GET /api/items/:id/cover
GET /api/authors/:id/image
`)

const (
	// picturesMost and pictureMost bound what is kept, in bytes: some pages of covers.
	picturesMost = 4 << 20
	pictureMost  = 256 << 10
	// picturesLife is how long they are kept when nobody asks for one.
	picturesLife = 12 * time.Minute
	// pictureAge bounds what a server may say of their life.
	pictureAge = 24 * time.Hour
)

// keptHeaders are what an answer says of a picture.
var keptHeaders = []string{"Content-Type", "Etag", "Last-Modified", "Cache-Control", "Expires", "Date", "Vary"}

// pictures are answers that may be given again. The zero value is ready.
type pictures struct {
	mu     sync.Mutex
	kept   map[string]*list.Element // of *picture
	order  list.List                // the one that was asked for last is the first
	bytes  int
	asked  time.Time
	timer  *time.Timer // while some are kept
	closed bool
}

type picture struct {
	key    string
	header http.Header
	body   []byte
	born   time.Time // by the server's account
	until  time.Time
}

// pictureKey names the answer to c; "" for a request whose answer is not kept.
func pictureKey(c *call) string {
	h := c.r.Header
	if c.r.Method != http.MethodGet || !pictureRoutes.Matches(http.MethodGet, c.path) || c.extra != nil || h["Range"] != nil {
		return ""
	}
	for name := range h {
		if strings.HasPrefix(name, "If-") {
			return ""
		}
	}
	return c.upstreamURL().RequestURI() + "\n" + strings.Join(h["Accept"], ",")
}

// givePicture answers c with a picture that is kept. It does so only where the server
// would be asked at once: a session that waits or has ended shows none.
func (s *Server) givePicture(w http.ResponseWriter, c *call) bool {
	if m := c.r.Method; m != http.MethodGet && m != http.MethodHead && pictureRoutes.Matches(http.MethodGet, c.path) {
		s.pictures.clear() // one is changed
		return false
	}
	key := pictureKey(c)
	if key == "" || c.r.Header["Cache-Control"] != nil || c.r.Header["Pragma"] != nil {
		return false
	}
	if tokens, tells := s.cfg.Tokens.(readiness); !tells || !tokens.Ready() {
		return false
	}
	p := s.pictures.find(key)
	if p == nil {
		return false
	}
	header := maps.Clone(p.header)
	header["Age"] = []string{strconv.Itoa(int(time.Since(p.born) / time.Second))}
	x := &exchange{cut: cut{func(error) {}}, watchdog: s.broadcast.NewWatchdog(), resp: &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		ContentLength: int64(len(p.body)), Body: io.NopCloser(bytes.NewReader(p.body)), Request: c.r,
	}}
	defer x.watchdog.Over()
	if no := s.answer(w, c, x); no != nil {
		s.refuse(w, c, no)
	}
	return true
}

// keepPicture lets the answer to c be kept when it has passed, if it may be.
func (s *Server) keepPicture(c *call, resp *http.Response) {
	if resp.StatusCode != http.StatusOK || resp.ContentLength <= 0 || resp.ContentLength > pictureMost || resp.Uncompressed {
		return
	}
	now := time.Now()
	age, life := lifeOf(resp.Header)
	if life <= age || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/") || isFiltered(resp) {
		return
	}
	key := pictureKey(c)
	if key == "" {
		return
	}
	p := &picture{key: key, header: http.Header{}, born: now.Add(-age), until: now.Add(life - age)}
	for _, name := range keptHeaders {
		if v := resp.Header[name]; v != nil {
			p.header[name] = v
		}
	}
	p.header["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	resp.Body = &passingPicture{ReadCloser: resp.Body, size: int(resp.ContentLength), picture: p, pictures: &s.pictures}
}

// lifeOf returns how old an answer is, and for how long it may be given to others; 0 for
// one that may not, or that depends on more of the request than its key holds.
func lifeOf(h http.Header) (age, life time.Duration) {
	if h["Set-Cookie"] != nil || h["Content-Encoding"] != nil {
		return 0, 0
	}
	for name := range strings.SplitSeq(strings.Join(h["Vary"], ","), ",") {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "", "accept", "accept-encoding", "origin":
		default:
			return 0, 0
		}
	}
	for one := range strings.SplitSeq(strings.Join(h["Cache-Control"], ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(one)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0, 0
		case "max-age":
			seconds, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return 0, 0
			}
			life = min(time.Duration(seconds)*time.Second, pictureAge)
		}
	}
	if said := h.Get("Age"); said != "" {
		seconds, err := strconv.ParseUint(said, 10, 31)
		if err != nil {
			return 0, 0
		}
		age = time.Duration(seconds) * time.Second
	}
	return age, life
}

// passingPicture is a body that is kept when all of it has passed.
type passingPicture struct {
	io.ReadCloser
	size     int
	picture  *picture
	pictures *pictures
}

// Read implements io.Reader.
func (b *passingPicture) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.picture != nil {
		b.picture.body = append(b.picture.body, p[:n]...)
		switch {
		case len(b.picture.body) == b.size:
			b.pictures.keep(b.picture)
			b.picture = nil
		case len(b.picture.body) > b.size:
			b.picture = nil
		}
	}
	return n, err
}

// find returns a picture that may still be given, or nil.
func (k *pictures) find(key string) *picture {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.kept[key]
	if e == nil {
		return nil
	}
	p := e.Value.(*picture)
	now := time.Now()
	if age := now.Round(0).Sub(p.born.Round(0)); !now.Before(p.until) || age < 0 || age > pictureAge { // the machine may have slept
		k.dropLocked(e)
		return nil
	}
	k.asked = now
	k.order.MoveToFront(e)
	return p
}

func (k *pictures) keep(p *picture) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	if k.kept == nil {
		k.kept = make(map[string]*list.Element)
	}
	if old := k.kept[p.key]; old != nil {
		k.dropLocked(old)
	}
	k.asked = time.Now()
	k.kept[p.key] = k.order.PushFront(p)
	k.bytes += len(p.body)
	for k.bytes > picturesMost {
		k.dropLocked(k.order.Back())
	}
	if k.timer == nil {
		k.timer = time.AfterFunc(picturesLife, k.tidy)
	}
}

func (k *pictures) dropLocked(e *list.Element) {
	p := k.order.Remove(e).(*picture)
	delete(k.kept, p.key)
	k.bytes -= len(p.body)
}

// tidy drops all when nobody has asked for one for long.
func (k *pictures) tidy() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if left := picturesLife - time.Since(k.asked); left > 0 && k.timer != nil {
		k.timer.Reset(left)
		return
	}
	k.clearLocked()
}

func (k *pictures) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clearLocked()
}

func (k *pictures) clearLocked() {
	k.kept, k.bytes = nil, 0
	k.order.Init()
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
}

// close drops all, and keeps none from now on.
func (k *pictures) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.clearLocked()
}
