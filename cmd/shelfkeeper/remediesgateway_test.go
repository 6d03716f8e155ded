package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// newDoor is a gateway that answers with no until it is given what it wants.
func newDoor(t *testing.T, s *server, opens func(*http.Request) bool, no http.HandlerFunc) *httptest.Server {
	t.Helper()
	var shut atomic.Bool
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/shut":
			shut.Store(true)
		case shut.Load() && !opens(r):
			no(w, r)
		default:
			s.Handler().ServeHTTP(w, r)
		}
	}))
	t.Cleanup(door.Close)
	return door
}

// Gateways that want something: what status says, with its secrets, lets in again.
func TestGatewaysAsPrinted(t *testing.T) {
	t.Parallel()
	basic := func(r *http.Request, header string) bool {
		q := &http.Request{Header: http.Header{"Authorization": r.Header.Values(header)}}
		name, secret, _ := q.BasicAuth()
		return name == "ann" && secret == "hush"
	}
	page := func(status int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			fmt.Fprintln(w, "<html>no</html>")
		}
	}
	for _, c := range []struct {
		desc, begins, secrets string
		opens                 func(*http.Request) bool
		no                    http.HandlerFunc
	}{
		{"a header", "account set NAME --header HEADER", "hush\n",
			func(r *http.Request) bool { return r.Header.Get("X-Gate") == "hush" }, page(403)},
		{"a password", "account set NAME --basic USER --token-in-url", "hush\n",
			func(r *http.Request) bool { return basic(r, "Authorization") }, page(401, "Www-Authenticate", `Basic realm="x"`)},
		{"Cloudflare Access", "account set NAME --gateway cloudflare-access", "id\nhush\n",
			func(r *http.Request) bool {
				return r.Header.Get("CF-Access-Client-Id") == "id" && r.Header.Get("CF-Access-Client-Secret") == "hush"
			}, page(302, "Location", "https://team.cloudflareaccess.com/cdn-cgi/access/login/x")},
		{"Pangolin", "account set NAME --gateway pangolin", "id\nhush\n",
			func(r *http.Request) bool {
				return r.Header.Get("P-Access-Token-Id") == "id" && r.Header.Get("P-Access-Token") == "hush"
			}, page(302, "Location", "https://pangolin.example/auth/resource/1?redirect=x")},
		{"Authelia", "account set NAME --gateway authelia --basic USER", "hush\n",
			func(r *http.Request) bool { return basic(r, "Proxy-Authorization") },
			page(302, "Location", "https://auth.example/?rd=https%3A%2F%2Fabs.example%2F&rm=GET")},
	} {
		t.Run(c.desc, func(t *testing.T) {
			t.Parallel()
			s, p := newServer(t, absfake.Config{}), newPlace(t)
			door := newDoor(t, s, c.opens, c.no)
			p.secrets = append(p.secrets, "hush")
			p.ok(password, "login", door.URL, "-u", user, "--password-stdin", "--store", "file", "--account", "home")
			get(t, door.URL+"/shut")
			r := p.run("", "reauth")
			if r.code == problem.OK {
				t.Fatal("the gateway let it through")
			}
			begins := strings.Replace(c.begins, "NAME", "home", 1)
			args := p.printed(r.stderr, begins, "HEADER", "X-Gate", "USER", "ann")
			p.ok(c.secrets, append(args, "--stdin")...)
			p.ok("", "reauth")
		})
	}
}

// A proxy that is gone, and one that is there.
func TestProxiesAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	const name = "127-0-0-1-alice"
	dead := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	p.ok("", "account", "set", name, "--proxy", dead)
	r := p.run("", "reauth")
	if r.code == problem.OK || !strings.Contains(r.stderr, "proxy") {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	p.ok("", "account", "set", name, "--proxy", "direct")
	p.ok("", "reauth")
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: r.In.Host})
	}})
	defer proxy.Close()
	p.ok("", "account", "set", name, "--proxy", dead)
	r = p.run("", "reauth")
	p.ok("", p.printed(r.stderr, "account set", "NAME", name, "URL", proxy.URL)...)
	p.ok("", "reauth")
}

// Certificates: an authority of one's own, one certificate that is trusted, and one
// that the gateway asks for.
func TestCertificatesAsPrinted(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	var asks atomic.Bool
	gate := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asks.Load() && len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintln(w, "<html><center>No required SSL certificate was sent</center><hr><center>nginx</center></html>")
			return
		}
		s.Handler().ServeHTTP(w, r)
	}))
	gate.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	gate.Config.ErrorLog = log.New(io.Discard, "", 0)
	gate.StartTLS()
	defer gate.Close()
	authority, cert, key := filepath.Join(p.home, "ca.pem"), filepath.Join(p.home, "cert.pem"), filepath.Join(p.home, "key.pem")
	p.write(authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: gate.Certificate().Raw})))
	writePair(t, cert, key)
	p.ok(password, "login", gate.URL, "-u", user, "--password-stdin", "--store", "file", "--account", "home", "--ca", authority)

	p.ok("", "account", "set", "home", "--remove", "ca")
	p.ok("", p.printed(p.run("", "reauth").stderr, "account set home --ca", "FILE", authority)...)
	p.ok("", "reauth")
	p.ok("", "account", "set", "home", "--remove", "ca")
	pin := fmt.Sprintf("%x", sha256.Sum256(gate.Certificate().Raw))
	p.ok("", p.printed(p.run("", "reauth").stderr, "account set home --pin", "SHA256", pin)...)
	p.ok("", "reauth")
	asks.Store(true)
	args := p.printed(p.run("", "reauth").stderr, "account set home --client-cert", "--client-cert FILE", "--client-cert "+cert,
		"--client-key FILE", "--client-key "+key)
	p.ok("", args...)
	p.ok("", "reauth")
}

// writePair writes a client certificate and its key.
func writePair(t *testing.T, cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: raw}, key: {Type: "PRIVATE KEY", Bytes: sealed}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
