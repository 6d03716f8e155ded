package upstream

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/redact"
)

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
