package absfake

import (
	"net/http"
	"strconv"
	"strings"
)

// getFile serves a file of an item as it lies there.
func (s *Server) getFile(w http.ResponseWriter, q *request) {
	if f := s.fileOf(q); f != nil {
		sendFile(w, q.Request, f)
		return
	}
	sendStatus(w, q.Request, http.StatusNotFound)
}

// getDownload is getFile with a name to save it by. Where the other refuses with
// a page, this one says 500 and keeps the file's own type.
// abs: server/controllers/LibraryItemController.js
func (s *Server) getDownload(w http.ResponseWriter, q *request) {
	f := s.fileOf(q)
	if f == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.Name+`"`)
	if transfer(w, q.Request, f) != 0 {
		const text = "Download failed"
		h := w.Header()
		h.Set("Content-Type", f.MIME+"; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(http.StatusInternalServerError)
		if q.Method != http.MethodHead {
			_, _ = w.Write([]byte(text))
		}
	}
}

func (s *Server) fileOf(q *request) *File {
	item := s.item(q.params["id"])
	if item == nil {
		return nil
	}
	return item.File(q.params["ino"])
}

// getPublicTrack needs no token: the playback session's id is the key.
func (s *Server) getPublicTrack(w http.ResponseWriter, q *request) {
	index, err := strconv.ParseFloat(strings.TrimSpace(q.params["index"]), 64)
	if err != nil {
		sendStatus(w, q.Request, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	p := s.playbackLocked(q.params["id"])
	s.mu.Unlock()
	if p == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	if p.transcode {
		if index != 1 {
			sendStatus(w, q.Request, http.StatusNotFound)
			return
		}
		if s.facts.trackOfTranscode == 0 {
			s.Restart() // the process dies of an exception
			return
		}
		redirect(w, q.Request, p.streamURL())
		return
	}
	for n, f := range p.media.files() {
		if float64(n+1) == index {
			sendFile(w, q.Request, f)
			return
		}
	}
	sendStatus(w, q.Request, http.StatusNotFound)
}

// redirect is res.redirect for a client that asks for no page.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	body := "Found. Redirecting to " + to
	h := w.Header()
	h.Set("Location", to)
	h.Set("Vary", "Accept")
	h.Set("Content-Type", typeText)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusFound)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body))
	}
}
