package absfake

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const coverSide = 240

var (
	coversMu sync.Mutex
	covers   = map[uint16][]byte{}
)

// coverOf draws the cover of that seed once for all servers of the process.
func coverOf(seed uint16) []byte {
	coversMu.Lock()
	defer coversMu.Unlock()
	if covers[seed] == nil {
		covers[seed] = drawCover(seed, coverSide, coverSide)
	}
	return covers[seed]
}

// drawCover paints a sun over hills, in colours of the item's own.
func drawCover(seed uint16, width, height int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	hue := uint8(seed * 53)
	for y := range height {
		for x := range width {
			c := color.RGBA{R: hue, G: uint8(60 + 120*y/height), B: 255 - hue/2, A: 255}
			dx, dy := x-width*2/3, y-height/3
			if dx*dx+dy*dy < width*height/40 {
				c = color.RGBA{R: 255, G: 220, B: hue/2 + 60, A: 255}
			}
			for hill := range 3 {
				mid := width * (hill + 1) / 4
				top := height*(5+hill)/8 + (x-mid)*(x-mid)/max(1, width)/2
				if y > top {
					c = color.RGBA{R: 20 + 30*uint8(hill), G: 60 + 25*uint8(hill), B: 50 + hue/4, A: 255}
				}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80}); err != nil {
		panic("absfake: encode a cover: " + err.Error()) // a buffer takes everything
	}
	return b.Bytes()
}

// getCover needs no token. The default is a cached, resized picture, sent in
// chunks and without an ETag; raw is the file itself. The real server makes WebP
// for clients that accept it; this one has no encoder and stays with JPEG.
// abs: server/managers/CacheManager.js
func (s *Server) getCover(w http.ResponseWriter, q *request) {
	query := q.URL.Query()
	h := w.Header()
	if query.Get("ts") != "" {
		h.Set("Cache-Control", "private, max-age=86400")
	}
	item := s.item(q.params["id"])
	if item == nil || item.cover() == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	if query.Get("raw") != "" {
		sendFile(w, q.Request, item.cover())
		return
	}
	body := make([]byte, item.cover().Size)
	if side := clampSide(query.Get("width"), query.Get("height")); side > 0 {
		body = drawCover(item.seed, side, side)
	} else if _, err := item.cover().ReadAt(body, 0); err != nil && err != io.EOF {
		sendStatus(w, q.Request, http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "image/jpeg")
	if q.Method == http.MethodHead {
		h.Set("Transfer-Encoding", "chunked")
		return
	}
	w.WriteHeader(http.StatusOK)
	flush(w) // before the body, so that it is chunked
	_, _ = w.Write(body)
}

// clampSide is the side of the square asked for; 0: as it is.
func clampSide(width, height string) int {
	side := 0
	for _, text := range []string{width, height} {
		if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n > 0 && (side == 0 || n < side) {
			side = n
		}
	}
	return min(side, coverSide)
}
