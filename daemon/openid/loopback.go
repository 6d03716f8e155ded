package openid

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/handover"
)

const (
	// callbackPath is where the browser comes back to.
	callbackPath = "/callback"
	// headerWait bounds the wait for a browser's request.
	headerWait = 5 * time.Second
	// headerMost is room for a provider's code and a browser's headers; the
	// cookies of other programs on this host come along.
	headerMost = 64 << 10
	// lastPage is how long the end waits until the browser has its page.
	lastPage = 2 * time.Second
)

// loopback is a listener on this machine to which the browser is sent back,
// open as long as the flow. Its nil value is one that is not there.
type loopback struct {
	listener net.Listener
	server   *handover.Server
	loop     sync.WaitGroup
}

func listen() (*loopback, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the browser: %w", err)
	}
	return &loopback{listener: l}, nil
}

// address is what the server is asked to send the browser back to.
func (l *loopback) address() string { return "http://" + l.host() + callbackPath }

func (l *loopback) host() string { return l.listener.Addr().String() }

func (l *loopback) serve(f *Flow) {
	if l == nil {
		return
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.answer(w, r, f) }),
		ReadHeaderTimeout: headerWait,
		MaxHeaderBytes:    headerMost,
	}
	server.SetKeepAlivesEnabled(false)
	l.server = handover.NewServer(server)
	l.loop.Go(func() { _ = l.server.Serve(&plainListener{l.listener, f.turnedTLS}) }) // it ends with close
}

func (l *loopback) close() {
	if l == nil {
		return
	}
	if l.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastPage)
		defer cancel()
		if l.server.Shutdown(ctx) != nil {
			_ = l.server.Close()
		}
		l.loop.Wait()
	}
	_ = l.listener.Close() // the server may have done so
}

// refuse says what is wrong with a request, "" if nothing is.
func (l *loopback) refuse(r *http.Request) (status int, why string) {
	switch {
	case r.Host != l.host(): // DNS rebinding: a page whose own name points here
		return http.StatusForbidden, "this is not the address that was asked for"
	case r.URL.Path != callbackPath && !strings.HasPrefix(r.URL.Path, laterPath): // favicon.ico, and whoever tries ports
		return http.StatusNotFound, "there is nothing here"
	case r.Method != http.MethodGet: // a form of another page
		return http.StatusMethodNotAllowed, "this address is only looked at"
	// a page's image or fetch, which guesses states
	case r.Header.Get("Sec-Fetch-Mode") != "" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
		return http.StatusForbidden, "this address is for a browser's window"
	}
	return 0, ""
}

// answer takes the browser back, and sends it on if another authorization is
// due: the person clicks once for both sessions.
func (l *loopback) answer(w http.ResponseWriter, r *http.Request, f *Flow) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the code
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	if status, why := l.refuse(r); why != "" {
		page(w, status, "Shelfkeeper", why)
		return
	}
	before, _ := f.Progress()
	if strings.HasPrefix(r.URL.Path, laterPath) {
		if !f.takeTicket(r.URL.Path) {
			page(w, http.StatusNotFound, "Shelfkeeper", "there is nothing here")
			return
		}
	} else if err := f.take(r.URL.String(), true); err != nil {
		page(w, http.StatusBadRequest, "Shelfkeeper", err.Error())
		return
	}
	for {
		now, changed := f.Progress()
		switch {
		case now.Done:
			showEnd(w, now)
			return
		case now.Flow != nil && now.Step > before.Step:
			sendOn(w, r, now)
			return
		case !now.Later.IsZero() && now.Step > before.Step:
			keepOpen(w, now)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// sendOn sends the browser to the provider again. From the second spare on a page
// does it: browsers follow about twenty redirects in a row, and a round through a
// provider takes several.
func sendOn(w http.ResponseWriter, r *http.Request, p Progress) {
	if p.Kept == 0 {
		http.Redirect(w, r, p.Flow.URL, http.StatusFound)
		return
	}
	w.Header().Set("Refresh", "0; url="+p.Flow.URL)
	page(w, http.StatusOK, "One moment", "Shelfkeeper asks for one more spare session.")
}

// showEnd writes the last page that the browser shows.
func showEnd(w http.ResponseWriter, p Progress) {
	switch {
	case p.Err == nil, p.Kept > 0:
		page(w, http.StatusOK, "Signed in", "Shelfkeeper keeps the session. You can close this window.")
	case p.Stage == Spare:
		page(w, http.StatusOK, "Signed in", "Shelfkeeper keeps the session, though without a spare one. You can close this window.")
	case errors.Is(p.Err, ErrDenied):
		page(w, http.StatusForbidden, "Not signed in", "The provider did not sign you in. You can close this window and try again.")
	default:
		page(w, http.StatusBadGateway, "Not signed in",
			"The sign-in failed; the program that began it says why. You can close this window.")
	}
}

func page(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<title>%[1]s</title>\n<h1>%[1]s</h1>\n<p>%[2]s</p>\n", html.EscapeString(title),
		html.EscapeString(text))
}
