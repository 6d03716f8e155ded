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

// A secret goes to the addresses it is for, and over plain http only where one of them
// says so.
func TestSecretsBelongToAddresses(t *testing.T) {
	for _, c := range []struct {
		names string
		to    string
		want  bool
	}{
		{"", "https://abs.example", true},
		{"", "http://abs.example", false},
		{"", "http://192.168.1.5:13378", false},
		{"", "http://127.0.0.1:13378", true},
		{"", "http://[::1]:13378", true},
		{"https://abs.example", "https://ABS.example:443/sub", true},
		{"https://abs.example", "http://abs.example", false},
		{"https://abs.example", "https://abs.example:8443", false},
		{"https://abs.example", "https://home.example", false},
		{"https://abs.example", "http://127.0.0.1:13378", false},
		{"http://nas:8080", "http://nas:8080", true},
		{"http://nas:8080", "https://nas", true}, // it moved to https
		{"http://nas:8080", "http://other:8080", false},
		{"https://abs.example https://home.example", "https://home.example", true},
	} {
		if got := allowedAt(strings.Fields(c.names), address(t, c.to)); got != c.want {
			t.Errorf("for %q to %s: %v", c.names, c.to, got)
		}
	}
}

// An impostor in the local network answers as the server does. It gets nothing of the
// gateway's, whatever is in use.
func TestImpostorGetsNoSecretOfTheGateway(t *testing.T) {
	ca := newAuthority(t)
	var atImpostor []http.Header
	impostor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atImpostor = append(atImpostor, r.Header.Clone())
		if r.URL.Path == "/socket" {
			echoSocket(w, r)
		}
	}))
	defer impostor.Close()
	real := ca.serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	home, public := address(t, impostor.URL), address(t, real.URL)
	g, err := Gateway{
		Headers: []GatewayHeader{{Name: "Cf-Access-Client-Secret", Value: redact.New("hush")}},
		Basic:   &Basic{User: "ann", Password: redact.New("pw"), Header: "X-Gate"}, ClientCert: ca.clientCert(t, "us"),
	}.Bind(public)
	if err != nil {
		t.Fatal(err)
	}
	u := open(t, Policy{Base: public, Addresses: []*url.URL{home, public}, TrustHTTP: true, CAFile: ca.file, Gateway: g})
	u.Use(home, public)
	_ = speak(t, u, "ws"+strings.TrimPrefix(u.URL("socket").String(), "http"))
	for name, ask := range ways(t, u) {
		if name != "socket" {
			if err := ask(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if len(atImpostor) < 3 {
		t.Fatalf("the impostor saw %d requests", len(atImpostor))
	}
	for _, h := range atImpostor {
		if h.Get("Cf-Access-Client-Secret") != "" || h.Get("X-Gate") != "" {
			t.Errorf("the impostor saw %v", h)
		}
	}
}

// Secrets that cannot be read keep requests back, and nothing of one is written. They
// are read again, and a change holds from the next request on.
func TestSealedSecrets(t *testing.T) {
	var saw []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { saw = append(saw, r.Header.Get("X-Gate")) }))
	defer s.Close()
	locked, value := errors.New("the keychain is locked"), "one"
	u := open(t, Policy{Base: address(t, s.URL), Sealed: func(context.Context) (Gateway, error) {
		return Gateway{Headers: []GatewayHeader{{Name: "X-Gate", Value: redact.New(value)}}}, locked
	}})
	for name, ask := range ways(t, u) {
		if name == "socket" {
			continue
		}
		var unwritten interface{ Unwritten() bool }
		if err := ask(name); !errors.Is(err, ErrSealed) || !errors.As(err, &unwritten) || !unwritten.Unwritten() {
			t.Errorf("%s: %v", name, err)
		}
	}
	locked = nil
	for range 2 {
		if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", s.URL); err != nil {
			t.Fatal(err)
		}
	}
	value = "two"
	if err := u.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", s.URL); err != nil {
		t.Fatal(err)
	}
	value = "three\n"
	if err := u.Reload(t.Context()); !errors.Is(err, ErrPolicy) || strings.Contains(err.Error(), "three") {
		t.Errorf("a value with a line break: %v", err)
	}
	if _, _, err := fetch(t, u.Transport().RoundTrip, "GET", s.URL); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(saw, " "); got != "one one two two" {
		t.Errorf("the server saw %q", got)
	}
}

// A redirect of the server does not show the token that travelled in the address.
func TestTokenInTheAddressStaysOut(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/next?"+r.URL.RawQuery, http.StatusFound)
	}))
	defer s.Close()
	basic := &Basic{User: "ann", Password: redact.New("pw"), Header: "Authorization"}
	u := open(t, Policy{Base: address(t, s.URL), Gateway: Gateway{Basic: basic}})
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/x?b=2&token=grant&a=%201", nil)
	r.Header.Set("Authorization", "Bearer real")
	resp, err := u.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Location"); got != "/next?b=2&a=%201" || resp.Request != r {
		t.Errorf("redirected to %s, request %v", got, resp.Request.URL)
	}
}
