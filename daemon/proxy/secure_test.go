package proxy_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/localcert"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// Beyond this machine a grant travels encrypted: https with the certificate that is
// shown, and what comes in clear is told so and gets nothing. An address that is opened
// while others are served is served at once.
func TestExtraAddressIsSecure(t *testing.T) {
	addr, ok := ownAddress(t)
	if !ok {
		t.Skip("this machine has no address but loopback")
	}
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) { c.ExtraHosts = []string{"host.docker.internal"} })
	s, err := proxy.New(w.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	defer func() {
		if err := errors.Join(s.Close(t.Context()), <-served); err != nil {
			t.Error(err)
		}
	}()
	cert, err := localcert.Own(t.TempDir(), []netip.Addr{addr}, []string{"host.docker.internal"})
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(addr, s.Addr().(*net.TCPAddr).AddrPort().Port())
	if err := s.ListenExtra(at, cert.TLS); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(cert.Path)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	ask := func(method, path string, header ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, "https://"+at.String()+path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
		defer tr.CloseIdleConnections()
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	secret := "Bearer " + w.NewGrant(players.ScopeListen)
	for _, c := range []struct {
		desc   string
		header []string
		status int
	}{
		{"without a grant", nil, 401},
		{"with one", []string{"Authorization", secret}, 200},
		{"a page of ours", []string{"Authorization", secret, "Origin", "https://" + at.String()}, 200},
		{"its referer", []string{"Authorization", secret, "Referer", "https://" + at.String() + "/x"}, 200},
		{"a page in clear, without a grant", []string{"Origin", "http://" + at.String()}, 403},
	} {
		if got, _ := ask("GET", "/api/me", c.header...); got != c.status {
			t.Errorf("%s: %d, want %d", c.desc, got, c.status)
		}
	}
	list := "/_shelfkeeper/playlist/" + w.Fake.Library().Tracks().ID + ".m3u8"
	if status, body := ask("GET", list, "Authorization", secret); status != 200 || !strings.Contains(body, "\nhttps://"+at.String()+"/") ||
		strings.Contains(body, "http://") {
		t.Errorf("a playlist: %d %s", status, body)
	}
	plain, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := io.WriteString(plain, "GET /api/me HTTP/1.1\r\nHost: "+at.String()+"\r\nAuthorization: "+secret+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(plain), nil)
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 400 || !strings.Contains(string(said), "https://"+at.String()) {
		t.Errorf("in clear: %d %s %v", resp.StatusCode, said, err)
	}
}
