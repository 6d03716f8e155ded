package main

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// A server whose http address leads to https from one day on is shown with a
// command, and the command as it is printed puts things right: same account,
// same address for players.
func TestServerMovesToHTTPS(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	var moved atomic.Bool
	secure := httptest.NewTLSServer(forward)
	defer secure.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if moved.Load() {
			http.Redirect(w, r, secure.URL+r.URL.RequestURI(), http.StatusMovedPermanently)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	defer plain.Close()
	p.write(p.home+"/ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	p.config(fmt.Sprintf("listen = %d\n[upstream]\nca_file = %q\n", p.port, p.home+"/ca.pem"))
	p.secrets = append(p.secrets, password)
	p.ok(password+"\n", "login", plain.URL, "--username", user, "--password-stdin", "--store", "file")
	p.daemon()
	before := p.until("the session is fresh", fresh)
	moved.Store(true)
	plain.CloseClientConnections()
	if r := p.run("", "reauth"); r.code == 0 {
		t.Fatal("the session was renewed over a redirect")
	}
	a := p.until("it shows", func(a health.Account) bool { return a.Condition == health.ServerMoved.ID })
	command := regexp.MustCompile("`shelfkeeper ([^`]+)`").FindStringSubmatch(a.Remedy)
	if a.Level != health.NeedsUser || command == nil || !strings.Contains(a.Reason, secure.URL) {
		t.Fatalf("shown: %+v", a)
	}
	p.ok(password+"\n", append(strings.Fields(command[1]), "--username", user, "--password-stdin")...)
	now := p.until("it is served again", served)
	if now.Name != before.Name || now.Proxy.URL != before.Proxy.URL || now.Server != secure.URL {
		t.Errorf("was %+v\nis %+v", before, now)
	}
	if resp, body := get(t, now.Proxy.URL+"/api/me"); resp.StatusCode != http.StatusOK {
		t.Errorf("a player got %s: %s", resp.Status, body)
	}
}
