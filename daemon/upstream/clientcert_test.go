package upstream

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"shelfkeeper/daemon/redact"
)

func TestClientCertFiles(t *testing.T) {
	ca := newAuthority(t)
	want := ca.clientCert(t, "us")
	chain, key := []byte(want.Chain), []byte(want.Key.Reveal())
	both := append(append([]byte{}, key...), chain...)
	pair, err := want.certificate()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	modern, err := pkcs12.Modern.Encode(pair.PrivateKey, leaf, []*x509.Certificate{ca.cert}, "pw")
	if err != nil {
		t.Fatal(err)
	}
	old, err := pkcs12.LegacyDES.Encode(pair.PrivateKey, leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	for desc, c := range map[string]struct {
		read func() (*ClientCert, error)
		says string // "" for no error
	}{
		"two files":        {func() (*ClientCert, error) { return ClientCertPEM(chain, key) }, ""},
		"one file":         {func() (*ClientCert, error) { return ClientCertPEM(both, both) }, ""},
		"p12":              {func() (*ClientCert, error) { return ClientCertP12(modern, redact.New("pw")) }, ""},
		"p12 of old tools": {func() (*ClientCert, error) { return ClientCertP12(old, redact.New("")) }, ""},
		"a wrong password": {func() (*ClientCert, error) { return ClientCertP12(modern, redact.New("px")) }, "password"},
		"no p12":           {func() (*ClientCert, error) { return ClientCertP12(chain, redact.New("pw")) }, "cannot be read"},
		"no certificate":   {func() (*ClientCert, error) { return ClientCertPEM(key, key) }, "holds none"},
		"no key":           {func() (*ClientCert, error) { return ClientCertPEM(chain, chain) }, "do not fit"},
		"another key": {func() (*ClientCert, error) { return ClientCertPEM(chain, []byte(ca.clientCert(t, "x").Key.Reveal())) },
			"do not fit"},
		"a sealed key": {func() (*ClientCert, error) { return ClientCertPEM(chain, sealed) }, "--client-p12"},
	} {
		got, err := c.read()
		if c.says != "" {
			if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", desc, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", desc, err)
			continue
		}
		leaf, err := got.Leaf()
		if err != nil || leaf.Subject.CommonName != "us" || strings.Contains(got.Chain, "PRIVATE") {
			t.Errorf("%s: %v %v", desc, leaf, err)
		}
	}
}

func TestParseFingerprint(t *testing.T) {
	plain := strings.Repeat("ab", 32)
	colons := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	for _, text := range []string{plain, strings.ToUpper(plain), colons, "sha256 Fingerprint=" + colons, "SHA256:" + plain,
		" " + colons + "\n",
		colons[:48] + "\r\n\t    " + colons[48:], strings.ReplaceAll(colons, ":", "\u00a0"), "\u200e" + plain} {
		if got, err := ParseFingerprint(text); err != nil || got != plain {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	for _, text := range []string{"", "abc", plain[1:], plain + "00", strings.Repeat("zz", 32), "SHA1:" + plain[:40]} {
		if _, err := ParseFingerprint(text); !errors.Is(err, ErrPolicy) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What is stored comes back as it was, and prints no secret.
func TestGatewayIsStoredWhole(t *testing.T) {
	ca := newAuthority(t)
	g := Gateway{Headers: []GatewayHeader{{Name: "X-Gate", Value: redact.New("hush"), For: []string{"https://abs.example"}}},
		Basic:      &Basic{User: "ann", Password: redact.New("hush"), Header: "Authorization", For: []string{"https://abs.example"}},
		ClientCert: ca.clientCert(t, "us"), CA: ca.pem(), Pin: &Pin{SHA256: strings.Repeat("ab", 32)},
		Proxy: redact.New("http://u:hush@p:1"), UserAgent: "Mozilla"}
	data, err := g.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := UnmarshalGateway(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Marshal()
	if err != nil || string(again) != string(data) || !strings.Contains(string(data), "hush") {
		t.Errorf("stored %s\nread   %s %v", data, again, err)
	}
	if empty, err := UnmarshalGateway([]byte(`{"v":1}`)); err != nil || !empty.IsZero() {
		t.Errorf("%+v %v", empty, err)
	}
	for _, bad := range []string{``, `{`, `{"v":2}`, `{"v":1,"headers":[{"name":"Host","value":"hush"}]}`} {
		if _, err := UnmarshalGateway([]byte(bad)); !errors.Is(err, ErrPolicy) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestGatewayChanges(t *testing.T) {
	header := func(name, value string) GatewayChange {
		return GatewayChange{Headers: []GatewayHeader{{Name: name, Value: redact.New(value)}}}
	}
	g, err := Gateway{}.With(header("x-one", "1"))
	if err == nil {
		g, err = g.With(header("X-Two", "2"))
	}
	if err == nil {
		g, err = g.With(header("X-ONE", "3"))
	}
	if err == nil {
		g, err = g.With(header("x-two", ""))
	}
	if err != nil || len(g.Headers) != 1 || g.Headers[0].Name != "X-One" || g.Headers[0].Value.Reveal() != "3" {
		t.Fatalf("%+v %v", g, err)
	}
	if _, err := g.With(header("X-Three", "")); !errors.Is(err, ErrPolicy) {
		t.Errorf("a header that is not there: %v", err)
	}
	if _, err := g.Bind(address(t, "http://nas:8080")); !errors.Is(err, ErrPolicy) ||
		!strings.Contains(err.Error(), "--for http://nas:8080") {
		t.Errorf("plain http: %v", err)
	}
	bound, err := g.Bind(address(t, "https://ABS.example/sub"))
	if err != nil || len(bound.Headers[0].For) != 1 || bound.Headers[0].For[0] != "https://abs.example" || g.Headers[0].For != nil {
		t.Errorf("%+v %+v %v", bound, g, err)
	}
}
