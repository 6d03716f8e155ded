package dashboard

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"shelfkeeper/daemon/players"
	"strings"
	"testing"
	"time"
)

// world is a page that listens, and a browser of its user's.
type world struct {
	t      *testing.T
	daemon *double
	server *Server
	cookie string
	csrf   string
}

// serve starts a page for d. edit changes its configuration.
func serve(t *testing.T, d *double, edit func(*Config)) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan error, 16)
	c := Config{Daemon: d, Port: port, OwnUID: os.Getuid(), Listening: func(err error) { listening <- err },
		PeerOf: func(net.Conn) players.Peer { return players.Peer{UID: os.Getuid(), Known: true} }}
	if edit != nil {
		edit(&c)
	}
	s := New(c)
	s.Start()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case err := <-listening:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the page does not open")
	}
	return &world{t: t, daemon: d, server: s}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request as it is.
func (w *world) ask(method, path string, form url.Values, edit func(*http.Request)) answer {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, w.server.origin+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", w.server.origin)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if w.cookie != "" {
		r.Header.Set("Cookie", cookieName+"="+w.cookie)
	}
	if edit != nil {
		edit(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if c.Name == cookieName && edit == nil {
			w.cookie = c.Value
		}
	}
	if m := csrfField.FindStringSubmatch(string(said)); m != nil && edit == nil {
		w.csrf = m[1]
	}
	if strings.Contains(string(said), "%!") {
		w.t.Errorf("%s: a text and its values differ:\n%s", path, said)
	}
	return answer{resp.StatusCode, resp.Header, string(said)}
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// get asks for a page as the browser does.
func (w *world) get(path string) answer { w.t.Helper(); return w.ask(http.MethodGet, path, nil, nil) }

// post sends a form of a page.
func (w *world) post(path string, fields ...string) answer {
	w.t.Helper()
	if w.csrf == "" {
		w.get("/sign-in")
	}
	return w.ask(http.MethodPost, path, w.form(fields...), nil)
}

func (w *world) form(fields ...string) url.Values {
	form := url.Values{"csrf": {w.csrf}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}
