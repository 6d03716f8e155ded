package absapi

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestDiscover(t *testing.T) {
	for _, c := range []struct {
		desc, raw string
		hosts     map[string]http.HandlerFunc
		want      string
		hops      []string
	}{
		{"host over https", "abs.example", map[string]http.HandlerFunc{"https://abs.example": only("")}, "https://abs.example", nil},
		{"host over http", "nas.lan", map[string]http.HandlerFunc{"http://nas.lan": only("")}, "http://nas.lan", nil},
		{"host and port", "192.168.1.20:13378", map[string]http.HandlerFunc{"http://192.168.1.20:13378": abs("")},
			"http://192.168.1.20:13378", nil},
		{"https preferred", "abs.example", map[string]http.HandlerFunc{"https://abs.example": only(""), "http://abs.example": only("")},
			"https://abs.example", nil},
		{"http as typed", "http://abs.example",
			map[string]http.HandlerFunc{"https://abs.example": only(""), "http://abs.example": only("")}, "http://abs.example", nil},
		{"trailing slashes", " https://ABS.example:443// ", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"copied from a browser", "https://abs.example/audiobookshelf/library/1234/bookshelf?x=1#y",
			map[string]http.HandlerFunc{"https://abs.example": only("/audiobookshelf")}, "https://abs.example/audiobookshelf", nil},
		{"login page", "abs.example/login/", map[string]http.HandlerFunc{"https://abs.example": only("")}, "https://abs.example", nil},
		{"a page that is no more", "https://abs.example/audiobook/1234/edit", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"sub-folder named like a page", "https://abs.example/share/", map[string]http.HandlerFunc{"https://abs.example": only("/share")},
			"https://abs.example/share", nil},
		{"a page below such a sub-folder", "https://abs.example/library/item/1234", map[string]http.HandlerFunc{
			"https://abs.example": only("/library")}, "https://abs.example/library", nil},
		{"Home Assistant's ingress", "http://ha.lan:8123/api/hassio_ingress/x", map[string]http.HandlerFunc{
			"http://ha.lan:8123": only("/api/hassio_ingress/x")}, "http://ha.lan:8123/api/hassio_ingress/x", nil},
		{"a page below the ingress", "http://ha.lan:8123/api/hassio_ingress/x/config/users", map[string]http.HandlerFunc{
			"http://ha.lan:8123": only("/api/hassio_ingress/x")}, "http://ha.lan:8123/api/hassio_ingress/x", nil},
		{"a gateway before the page alone", "https://abs.example/login", map[string]http.HandlerFunc{
			"https://abs.example": func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/login") {
					pageOfGateway(401, "WWW-Authenticate", "Basic")(w, r)
					return
				}
				only("")(w, r)
			}}, "https://abs.example", nil},
		{"a byte order mark", "\ufeffhttps://abs.example", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"signs without width", "\u200bhttps://\u200babs.example\u2060/\u200e", map[string]http.HandlerFunc{
			"https://abs.example": only("")}, "https://abs.example", nil},
		{"marks around it", "<https://abs.example/>", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"signs of full width", "http：／／ａｂｓ.example：１３３７８／", map[string]http.HandlerFunc{"http://abs.example:13378": only("")},
			"http://abs.example:13378", nil},
		{"round brackets", "(http://abs.example:13378/)", map[string]http.HandlerFunc{"http://abs.example:13378": only("")},
			"http://abs.example:13378", nil},
		{"the end of a bracket", "https://abs.example/),", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"a link of a text", "[books](https://abs.example/)", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"an address of version 6", "[::1]:13378", map[string]http.HandlerFunc{"http://[::1]:13378": only("")}, "http://[::1]:13378", nil},
		{"a soft hyphen and quotes", "“abs.ex\u00adample”", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"led to a sub-folder named like a page", "abs.example", map[string]http.HandlerFunc{
			"https://abs.example": func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/status" {
					redirectTo("/audiobook/login")(w, r)
					return
				}
				only("/audiobook")(w, r)
			}}, "https://abs.example/audiobook", []string{"https://abs.example"}},
		{"sub-folder not typed", "abs.example", map[string]http.HandlerFunc{"https://abs.example": only("/audiobookshelf")},
			"https://abs.example/audiobookshelf", nil},
		{"sub-folder typed in vain", "abs.example/audiobookshelf/", map[string]http.HandlerFunc{"https://abs.example": only("")},
			"https://abs.example", nil},
		{"own sub-folder", "abs.example/books", map[string]http.HandlerFunc{"https://abs.example": only("/books")},
			"https://abs.example/books", nil},
		{"under another folder", "abs.example/media", map[string]http.HandlerFunc{"https://abs.example": only("/media/audiobookshelf")},
			"https://abs.example/media/audiobookshelf", nil},
		{"IPv6", "[fd00::1]:13378", map[string]http.HandlerFunc{"http://[fd00::1]:13378": abs("")}, "http://[fd00::1]:13378", nil},
		{"bare IPv6", "fd00::1", map[string]http.HandlerFunc{"http://[fd00::1]": abs("")}, "http://[fd00::1]", nil},
		{"another program on https", "nas.lan", map[string]http.HandlerFunc{"https://nas.lan": page, "http://nas.lan": only("")},
			"http://nas.lan", nil},
		{"http leads to https", "http://abs.example",
			map[string]http.HandlerFunc{"http://abs.example": redirectTo("https://abs.examplePATH"), "https://abs.example": only("")},
			"https://abs.example", []string{"http://abs.example"}},
		{"moved, twice", "old.example", map[string]http.HandlerFunc{"https://old.example": redirectTo("https://www.old.examplePATH"),
			"https://www.old.example": redirectTo("https://new.example/audiobookshelf/status"),
			"https://new.example":     only("/audiobookshelf")},
			"https://new.example/audiobookshelf", []string{"https://old.example", "https://www.old.example"}},
		{"root leads to the sub-folder", "abs.example",
			map[string]http.HandlerFunc{"https://abs.example": func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/status" {
					http.Redirect(w, r, "/audiobookshelf/", http.StatusFound)
					return
				}
				only("/audiobookshelf")(w, r)
			}}, "https://abs.example/audiobookshelf", []string{"https://abs.example"}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := &world{hosts: c.hosts}
			s, err := Discover(t.Context(), w.open, c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if s.Base.String() != c.want || !slices.Equal(s.Redirected, c.hops) || s.Version != "2.36.0" || !s.Initialised ||
				!slices.Equal(s.AuthMethods, []string{"local"}) {
				t.Errorf("got %v %+v", s.Base, s)
			}
			for _, q := range w.asked {
				if !strings.HasPrefix(q, "GET ") || !strings.HasSuffix(q, "/status") {
					t.Errorf("asked %s", q)
				}
			}
			if w.opened != 0 {
				t.Errorf("%d not released", w.opened)
			}
		})
	}
}

// proxyDown is the error of a proxy, as package upstream makes it.
type proxyDown struct{}

func (proxyDown) Error() string    { return "proxy" }
func (proxyDown) Evidence() string { return "the proxy http://proxy.lan refuses the connection" }
func (proxyDown) Remedy() string   { return "start the proxy" }

func TestDiscoverExplains(t *testing.T) {
	for _, c := range []struct {
		desc, raw string
		hosts     map[string]http.HandlerFunc
		errs      map[string]error
		cause     Cause
		says      string
	}{
		{"nothing there", "abs.example", nil, nil, CauseUnreachable, "13378"},
		{"nothing on the port", "abs.example:99", nil, nil, CauseUnreachable, "correct the port"},
		{"a proxy that fails", "https://abs.example", nil, map[string]error{"https://abs.example": proxyDown{}}, CauseUnreachable,
			"start the proxy"},
		{"unknown name", "abs.example", nil, map[string]error{"https://abs.example": &net.DNSError{Name: "abs.example", IsNotFound: true},
			"http://abs.example": &net.DNSError{Name: "abs.example", IsNotFound: true}}, CauseName, "does not resolve"},
		{"a NAS's page", "nas.lan", map[string]http.HandlerFunc{"https://nas.lan": page}, nil, CauseNotABS,
			`server Synology, text/html, "DiskStation"`},
		{"another program's JSON", "https://jelly.example", map[string]http.HandlerFunc{"https://jelly.example": reply200(`{"app":"x"}`)},
			nil, CauseNotABS, "another program"},
		{"a 502", "https://abs.example", map[string]http.HandlerFunc{"https://abs.example": pageOfGateway(502, "Server", "nginx")},
			nil, CauseServer,
			"server nginx"},
		{"a 502 below a sub-folder named like a page", "https://abs.example/share", map[string]http.HandlerFunc{
			"https://abs.example": func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/share") {
					pageOfGateway(502, "Server", "nginx")(w, r)
					return
				}
				only("")(w, r) // another server
			}}, nil, CauseServer, "start Audiobookshelf"},
		{"basic auth", "https://abs.example", map[string]http.HandlerFunc{"https://abs.example": pageOfGateway(401,
			"WWW-Authenticate", "Basic")},
			nil, CauseGateway, "own password"},
		{"Cloudflare Access", "abs.example", map[string]http.HandlerFunc{
			"https://abs.example": redirectTo("https://t.cloudflareaccess.com/cdn-cgi/access/login?token=x"),
		}, nil, CauseGateway, "Cloudflare Access"},
		{"Authelia elsewhere", "abs.example",
			map[string]http.HandlerFunc{"https://abs.example": redirectTo("https://auth.example/?rd=https://abs.example/status")}, nil,
			CauseGateway, "auth.example"},
		{"sign-in page beside it", "https://abs.example", map[string]http.HandlerFunc{"https://abs.example": redirectTo("/login")}, nil,
			CauseGateway, "/login"},
		{"to itself", "https://abs.example", map[string]http.HandlerFunc{"https://abs.example": redirectTo("PATH")}, nil, CauseRedirect,
			"to itself"},
		{"in circles", "https://a.example", map[string]http.HandlerFunc{"https://a.example": redirectTo("https://b.examplePATH"),
			"https://b.example": redirectTo("https://a.examplePATH")}, nil, CauseRedirect, "more than 5"},
		{"https to http", "https://abs.example",
			map[string]http.HandlerFunc{"https://abs.example": redirectTo("http://abs.examplePATH"), "http://abs.example": only("")}, nil,
			CauseRedirect, "from https to http"},
		{"with a user name", "https://abs.example",
			map[string]http.HandlerFunc{"https://abs.example": redirectTo("https://bob:pw@b.examplePATH")}, nil, CauseRedirect,
			"user name"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := &world{hosts: c.hosts, errs: c.errs}
			_, err := Discover(t.Context(), w.open, c.raw)
			var e *DiscoverError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Cause != c.cause || !strings.Contains(e.Error(), c.says) || e.Remedy == "" || e.Evidence == "" || e.Address == "" {
				t.Errorf("got %+v: %v", e, e)
			}
			if strings.Contains(e.Error(), "pw") || strings.Contains(e.Error(), "token=") {
				t.Errorf("leaks: %v", e)
			}
		})
	}
}

func TestDiscoverRefusesText(t *testing.T) {
	w := &world{}
	for _, raw := range []string{
		"", "  ", "https://", "ftp://abs.example", "https://bob:secret@abs.example", "bob:secret@abs.example", "bob@abs.example/x",
		"abs.example:0", "abs.example:99999", "abs.example:", "abs.example:http", "a b", "abs\\example", "https:///login",
		"https://[fd00::1", "abs..example", "https://abs.example\n.evil", "javascript:alert(1)", "<script>",
	} {
		_, err := Discover(t.Context(), w.open, raw)
		var e *DiscoverError
		if !errors.As(err, &e) || e.Cause != CauseAddress || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", raw, err)
		}
	}
	if len(w.asked) != 0 {
		t.Errorf("asked %v", w.asked)
	}
}

// A certificate that is not trusted must not push anybody to plain http.
func TestDiscoverOverTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(only(""))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	plain := httptest.NewServer(only(""))
	defer plain.Close()
	var asked []string
	untrusting := func(base *url.URL) (Doer, func(), error) {
		asked = append(asked, base.Scheme)
		tr := &http.Transport{}
		return plainDoer{tr}, tr.CloseIdleConnections, nil
	}
	_, err := Discover(t.Context(), untrusting, strings.TrimPrefix(srv.URL, "https://"))
	var e *DiscoverError
	if !errors.As(err, &e) || e.Cause != CauseTLS || !strings.Contains(e.Evidence, "O=Acme Co") || slices.Contains(asked, "http") {
		t.Errorf("got %v, asked %v", err, asked)
	}
	// A port that speaks plain http refuses TLS at once; http is tried then.
	s, err := Discover(t.Context(), untrusting, strings.TrimPrefix(plain.URL, "http://"))
	if err != nil || s.Base.String() != plain.URL {
		t.Errorf("got %v, %v", s.Base, err)
	}
	// With https typed it stays at https and says what is wrong.
	_, err = Discover(t.Context(), untrusting, strings.Replace(plain.URL, "http:", "https:", 1))
	if !errors.As(err, &e) || e.Cause != CauseUnreachable || !strings.Contains(e.Error(), "plain http") {
		t.Errorf("got %v", err)
	}
	opening := errors.New("read CA file ca.pem: no such file")
	_, err = Discover(t.Context(), func(*url.URL) (Doer, func(), error) { return nil, nil, opening }, srv.URL)
	if !errors.As(err, &e) || e.Cause != CauseSettings || !errors.Is(err, opening) || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("got %v", err)
	}
}

func TestDiscoverGivesUpWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{errs: map[string]error{"https://abs.example": context.Canceled}}
	cancel()
	_, err := Discover(ctx, w.open, "abs.example")
	var e *DiscoverError
	if !errors.As(err, &e) || e.Cause != CauseCancelled || len(w.asked) != 1 {
		t.Errorf("got %v after %v", err, w.asked)
	}
}

func FuzzDiscover(f *testing.F) {
	for _, s := range []string{"abs.example:13378/login", "https://[fe80::1%25eth0]:1/x/../y", "h/%2e%2e/%00", "::1", "a@b"} {
		f.Add(s, "/status")
	}
	f.Fuzz(func(t *testing.T, raw, location string) {
		bases, err := candidates(raw)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q: %q", raw, err)
			}
			return
		}
		for _, b := range bases {
			if b.Scheme != "http" && b.Scheme != "https" || b.Hostname() == "" || b.User != nil || strings.HasSuffix(b.Path, "/") {
				t.Errorf("%q gives %q", raw, b)
			}
			if again, err := url.Parse(b.String()); err != nil || again.Host != b.Host {
				t.Errorf("%q gives %q, which reads as %v", raw, b, again)
			}
			next, failed := redirected(b, reply{status: 302, header: http.Header{"Location": {location}}})
			if (next == nil) == (failed == nil) {
				t.Errorf("%q: %v %v", location, next, failed)
			}
			if next != nil && b.Scheme == "https" && next.Scheme != "https" {
				t.Errorf("%q leads from %v to %v", location, b, next)
			}
		}
	})
}

// pageOfGateway is an answer of a gateway.
func pageOfGateway(status int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}
}
