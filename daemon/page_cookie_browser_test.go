package daemon

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/statuspage"
)

// Where the system does not tell whose a connection is, the cookie lets somebody in.
// The server of another user, at another port of the same name, gets none.
func TestPageCookieStaysHere(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	s := dashboard.New(dashboard.Config{Daemon: w.daemon.pageConfig(statuspage.Options{}).Acts(), Port: freePort(t), OwnUID: os.Getuid(),
		PeerOf: func(net.Conn) players.Peer { return players.Peer{} }})
	s.Start()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	link := ""
	for end := time.Now().Add(browserPatience); link == "" && time.Now().Before(end); {
		link, _ = s.Link("") // it opens in a moment
	}
	p := newTab(t, b, link)
	p.says("Signed in")
	place := p.js("return location.pathname")
	got := make(chan string, 16)
	other := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Cookie") + r.Header.Get("Referer")
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte("<!doctype html><title>other</title><body>"))
	}))
	defer other.Close()
	u, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	at := "http://localhost:" + u.Port()
	q := newTab(t, b, at+"/")
	q.js(`await fetch("/accounts/x", {credentials: "include"}); location.reload(); return ""`)
	q.until(`document.title === "other"`)
	p.js(`location.href = "` + at + `/from-the-page"; return ""`)
	p.until(`document.title === "other"`)
	for range 4 {
		select {
		case said := <-got:
			if strings.Contains(said, "shelfkeeper_page") || strings.Contains(said, strings.Trim(place, "/")) {
				t.Errorf("another port is sent %q", said)
			}
		case <-time.After(browserPatience):
			t.Fatal("the other server was not asked")
		}
	}
	// Within its path the page is whole: live, and with its forms.
	p.open(strings.TrimSuffix(s.URL(), "/") + place)
	p.says("Signed in")
	p.until(`document.getElementById("gone").hidden`)
	w.daemon.services.All()[0].Raise(&health.ServerUnreachable, "connection refused")
	p.until(`document.querySelector(".words.offline") !== null`)
	w.daemon.services.All()[0].Clear(&health.ServerUnreachable)
	p.until(`document.querySelector(".words.ok") !== null`)
	p.click("[id^=renew-]")
	p.says("The session is renewed")
	p.click("nav a[href$='/players']")
	p.says("Players of demo")
	p.open(s.URL())
	p.says("does not tell whose browser it is")
}
