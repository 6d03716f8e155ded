package absapi

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
)

// world is a network in memory: origins and what they answer. An origin that
// is not in it refuses connections.
type world struct {
	mu     sync.Mutex
	hosts  map[string]http.HandlerFunc
	errs   map[string]error
	asked  []string
	opened int
}

func (w *world) open(*url.URL) (Doer, func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened++
	return w, func() { w.mu.Lock(); w.opened--; w.mu.Unlock() }, nil
}

func (w *world) Do(r *http.Request) (*http.Response, error) {
	origin := r.URL.Scheme + "://" + r.URL.Host
	w.mu.Lock()
	w.asked = append(w.asked, r.Method+" "+r.URL.String())
	h, err := w.hosts[origin], w.errs[origin]
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if h == nil {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	rec := httptest.NewRecorder()
	h(rec, r)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// abs answers /status under a base path as a server of that path does: under
// it and bare.
func abs(base string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == base+"/status" || r.URL.Path == "/status" {
			reply200(statusBody)(w, r)
			return
		}
		http.NotFound(w, r)
	}
}

// only answers /status under its path and nowhere else, as behind a proxy.
func only(base string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == base+"/status" {
			reply200(statusBody)(w, r)
			return
		}
		http.NotFound(w, r)
	}
}

func redirectTo(target string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.ReplaceAll(target, "PATH", r.URL.Path), http.StatusMovedPermanently)
	}
}

func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Server", "Synology")
	_, _ = io.WriteString(w, "<title>DiskStation</title>")
}
