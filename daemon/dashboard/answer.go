package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"shelfkeeper/assets"
)

const (
	// bodyLimit is far above a form with a long password and address.
	bodyLimit = 64 << 10
	// bodyTimeout bounds the wait for a form.
	bodyTimeout = 10 * time.Second
	// answerTimeout bounds the writing to a browser that does not read.
	answerTimeout = 10 * time.Second
)

// policy allows nothing that is not ours and in a file of its own: no script
// within a page, no frame around it, no form that leads elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// harden says to every browser what a page of ours is never used for.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// With "no-referrer" browsers send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

func (s *Server) serve(w http.ResponseWriter, hr *http.Request) {
	harden(w.Header())
	r := &request{Request: hr, server: s, answer: w}
	if r.cutPrefix(); r.prefix != "" {
		w = withPrefix{w, r.prefix}
	}
	if no := r.refuse(); no != nil {
		s.say(w, r, no)
		return
	}
	s.route(w, r)
}

// readForm reads the body, which may be slow or too long. Files stay in memory: the
// whole body has room there.
func (r *request) readForm(files bool) *refusal {
	rc := http.NewResponseController(r.answer)
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	r.Body = http.MaxBytesReader(r.answer, r.Body, bodyLimit)
	err := r.ParseForm()
	if err == nil && files {
		err = r.ParseMultipartForm(bodyLimit)
	}
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return tooLong
	case err != nil:
		return badRequest
	}
	return nil
}

// say answers with a refusal in words, or with its redirect.
func (s *Server) say(w http.ResponseWriter, r *request, no *refusal) {
	if no.location != "" {
		http.Redirect(w, r.Request, no.location, no.status)
		return
	}
	if no.status >= http.StatusBadRequest && no != notFound && no != linkUsed {
		s.cfg.Log.Debug("page request refused", "reason", no.text, "method", r.Method)
	}
	s.render(w, "", no.status, "refused", frame{Title: text("refused.title"), Refusal: text(no.text)})
}

// render writes a page whose addresses lie below prefix. It is made whole before
// its first byte leaves.
func (s *Server) render(w http.ResponseWriter, prefix string, status int, name string, data any) {
	var page bytes.Buffer
	if err := s.shelf.pages().ExecuteTemplate(&page, name, data); err != nil {
		s.cfg.Log.Error("status page", "page", name, "reason", err)
		http.Error(w, text("refused.fault"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	w.WriteHeader(status)
	body := page.Bytes()
	if prefix != "" {
		body = below(body, prefix)
	}
	_, _ = w.Write(body) // a browser that went away needs no answer
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
}

// files are what each page refers to, by path. They hold nothing of the user.
var files = map[string]file{
	"/style.css": readFile("style.css", "text/css; charset=utf-8"),
	"/page.js":   readFile("page.js", "text/javascript; charset=utf-8"),
}

type file struct {
	kind    string
	content []byte
	version string // part of the address, so that a browser may keep the file
}

func readFile(name, kind string) file {
	content, err := assets.Page.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is compiled in
	}
	sum := sha256.Sum256(content)
	return file{kind, content, hex.EncodeToString(sum[:4])}
}

func isFile(path string) bool { return files[path].kind != "" || strings.HasPrefix(path, iconPath) }

func (s *Server) file(w http.ResponseWriter, r *request) {
	s.send(w, files[r.URL.Path].kind, files[r.URL.Path].content)
}

// iconPath is where the browser finds the icon of each level for its tab.
const iconPath = "/icon/"

// iconSize is sharp on screens of double resolution: a tab shows 16.
const iconSize = 32

func (s *Server) icon(w http.ResponseWriter, r *request) {
	for mark := assets.OK; mark <= assets.Paused; mark++ { // they are named like the levels
		if r.URL.Path == iconPath+mark.String()+".ico" {
			// Other than a PNG it takes no compressor, and so no memory to speak of.
			s.send(w, "image/x-icon", assets.ICO(assets.Icon(mark, assets.AnyPanel, iconSize)))
			return
		}
	}
	s.say(w, r, notFound)
}

// send answers with what the browser may keep.
func (s *Server) send(w http.ResponseWriter, kind string, content []byte) {
	w.Header().Set("Shelfkeeper-Run", s.run)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=31536000, immutable")
	_, _ = w.Write(content) // a browser that went away needs no answer
}
