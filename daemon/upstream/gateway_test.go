package upstream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
)

// clientCert is a certificate of the authority for us, as a person's files hold it.
func (a *authority) clientCert(t *testing.T, name string) *ClientCert {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &ClientCert{Chain: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key: redact.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// ways are all ways on which a request can leave. Each asks for a path of the server
// with a token in the Authorization header; the live socket has none. A step of OpenID
// has a connection of its own, as a sign-in has.
func ways(t *testing.T, u *Upstream) map[string]func(path string) error {
	with := func(do func(*http.Request) (*http.Response, error), method, query string) func(string) error {
		return func(path string) error {
			target := u.Base().JoinPath(path)
			target.RawQuery = query
			_, _, err := fetch(t, func(r *http.Request) (*http.Response, error) {
				r.Header.Set("Authorization", "Bearer abs.token.x")
				r.Header.Set("User-Agent", "a player")
				if path == "stream" {
					r.Header.Set("Range", "bytes=1-2")
				}
				return do(r)
			}, method, target.String())
			return err
		}
	}
	private := func(method, query string) func(string) error {
		return func(path string) error {
			p := u.Private()
			defer p.Close()
			return with(p.Do, method, query)(path)
		}
	}
	probe := func(path string) error {
		p := u.Probe(u.Addresses()[0])
		defer p.Close()
		return with(p.Do, "GET", "")(path)
	}
	return map[string]func(string) error{
		"rest": with(u.Transport().RoundTrip, "GET", ""), "stream": with(u.Transport().RoundTrip, "GET", ""),
		"report": with(u.Transport().RoundTrip, "POST", ""), "sign-in": private("POST", ""), "openid": private("GET", "state=1&code=2"),
		"probe":  probe,
		"socket": func(path string) error { return speak(t, u, "wss"+strings.TrimPrefix(u.URL(path).String(), "https")) },
	}
}

// One policy for everything that leaves: REST and streams, unsafe requests, sign-ins
// (OpenID's too), probes and live sockets.
func TestGatewayReachesEverything(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.clientCert(t, "our machine")
	server := ca.issue(t, "abs.example")
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		header http.Header
		query  url.Values
		name   string // of the client certificate
	}
	for desc, test := range map[string]struct {
		gateway Gateway
		right   func(path string, s seen) bool
	}{
		"headers": {Gateway{Headers: []GatewayHeader{{Name: "Cf-Access-Client-Id", Value: redact.New("id")},
			{Name: "Cf-Access-Client-Secret", Value: redact.New("hush")}}}, func(_ string, s seen) bool {
			return s.header.Get("Cf-Access-Client-Id") == "id" && s.header.Get("Cf-Access-Client-Secret") == "hush"
		}},
		"basic": {Gateway{Basic: &Basic{User: "ann", Password: redact.New("p:w"), Header: "Authorization"}}, func(path string, s seen) bool {
			token := s.query["token"]
			return s.header.Get("Authorization") == "Basic YW5uOnA6dw==" &&
				(path == "socket" || len(token) == 1 && token[0] == "abs.token.x")
		}},
		"basic in another header": {Gateway{Basic: &Basic{User: "ann", Password: redact.New("p:w"), Header: "Proxy-Authorization"}},
			func(path string, s seen) bool {
				return s.header.Get("Proxy-Authorization") == "Basic YW5uOnA6dw==" && s.query.Get("token") == "" &&
					(path == "socket" || s.header.Get("Authorization") == "Bearer abs.token.x")
			}},
		"client certificate": {Gateway{ClientCert: cert}, func(_ string, s seen) bool { return s.name == "our machine" }},
		"user agent": {Gateway{UserAgent: "Mozilla/5.0"}, func(_ string, s seen) bool {
			return s.header.Get("User-Agent") == "Mozilla/5.0"
		}},
		"own authority":      {Gateway{}, func(string, seen) bool { return true }}, // nothing else vouches for the server
		"pinned certificate": {Gateway{Pin: &Pin{SHA256: Fingerprint(leaf)}}, func(string, seen) bool { return true }},
		"proxy":              {Gateway{Proxy: redact.New("SET BELOW")}, func(string, seen) bool { return true }},
		"none": {Gateway{}, func(path string, s seen) bool {
			return path == "socket" || s.header.Get("User-Agent") == "a player" && s.header.Get("Authorization") == "Bearer abs.token.x"
		}},
	} {
		t.Run(desc, func(t *testing.T) {
			saw := make(chan seen, 1)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got := seen{header: r.Header, query: r.URL.Query()}
				if certs := r.TLS.PeerCertificates; len(certs) > 0 {
					got.name = certs[0].Subject.CommonName
				}
				saw <- got
				if r.URL.Path == "/sub/socket" {
					echoSocket(w, r)
				}
			}))
			s.Config.ErrorLog, s.EnableHTTP2 = log.New(io.Discard, "", 0), true
			s.TLS = &tls.Config{Certificates: []tls.Certificate{server}}
			if test.gateway.ClientCert != nil {
				s.TLS.ClientCAs = x509.NewCertPool()
				s.TLS.ClientCAs.AddCert(ca.cert)
				s.TLS.ClientAuth = tls.RequireAndVerifyClientCert
			}
			s.StartTLS()
			defer s.Close()
			if test.gateway.Pin == nil {
				test.gateway.CA = ca.pem()
			}
			tunnels := &connectProxy{target: s.Listener.Addr().String()}
			if !test.gateway.Proxy.IsEmpty() {
				proxy := httptest.NewServer(tunnels)
				defer proxy.Close()
				test.gateway.Proxy = redact.New(proxy.URL)
			}
			sealed := func(context.Context) (Gateway, error) { return test.gateway, nil }
			base := s.URL
			if !test.gateway.Proxy.IsEmpty() {
				base = "https://abs.example" // only the proxy leads there
			}
			u := open(t, Policy{Base: address(t, base+"/sub"), Sealed: sealed})
			for name, ask := range ways(t, u) {
				path := name
				if err := ask(path); err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if got := <-saw; !test.right(path, got) {
					t.Errorf("%s saw %+v", name, got)
				}
			}
		})
	}
}

// A pinned certificate replaces the check by authorities, and another one is refused
// everywhere, although an authority vouches for it.
func TestPinnedCertificate(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	s := ca.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket" {
			echoSocket(w, r)
		}
	}))
	right := Fingerprint(s.Certificate())
	u := open(t, Policy{Base: address(t, s.URL), Gateway: Gateway{Pin: &Pin{SHA256: right}}})
	for name, ask := range ways(t, u) {
		if err := ask(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := Fingerprint(other.cert)
	u = open(t, Policy{Base: address(t, s.URL), CAFile: ca.file, Gateway: Gateway{Pin: &Pin{SHA256: wrong}}})
	for name, ask := range ways(t, u) {
		var pin *PinError
		if err := ask(name); !errors.As(err, &pin) || pin.Want != wrong || pin.Got != right {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The pin is for another address: this one is judged as ever.
	elsewhere := &Pin{SHA256: wrong, For: []string{"https://abs.example"}}
	u = open(t, Policy{Base: address(t, s.URL), CAFile: ca.file, Gateway: Gateway{Pin: elsewhere}})
	for name, ask := range ways(t, u) {
		if err := ask(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
