package absapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// shows serves Audiobookshelf's ping behind the certificate that edit makes of a sound one
// without an authority.
func shows(t *testing.T, edit func(*x509.Certificate)) error {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shelf"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	edit(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	defer s.Close()
	_, err = Discover(context.Background(), func(*url.URL) (Doer, func(), error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
		return transportDoer{transport}, transport.CloseIdleConnections, nil
	}, s.URL)
	return err
}

type transportDoer struct{ *http.Transport }

func (d transportDoer) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// A certificate that only lacks an authority is for a person to know. One that is wrong in
// another way too is not, and says what that is.
func TestUnvouchedIsForAPersonToKnow(t *testing.T) {
	t.Parallel()
	for desc, c := range map[string]struct {
		edit func(*x509.Certificate)
		says string // "" where a person is asked
	}{
		"of nobody":   {func(*x509.Certificate) {}, ""},
		"other name":  {func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }, "for another name"},
		"expired":     {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "has expired on"},
		"to come":     {func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, "is not valid before"},
		"without SAN": {func(c *x509.Certificate) { c.IPAddresses = nil }, "common name only"},
	} {
		var found *DiscoverError
		switch err := shows(t, c.edit); {
		case !errors.As(err, &found):
			t.Errorf("%s: %v", desc, err)
		case c.says == "" && found.Unvouched == nil, c.says != "" && found.Unvouched != nil:
			t.Errorf("%s: %+v", desc, found.Unvouched)
		case !strings.Contains(found.Evidence, c.says):
			t.Errorf("%s: it says %q", desc, found.Evidence)
		}
	}
}

// What a stranger wrote into a certificate stays one short line without control
// characters: it is shown on a terminal and on a page.
func TestUnvouchedOfAStranger(t *testing.T) {
	t.Parallel()
	for desc, edit := range map[string]func(*x509.Certificate){
		"escapes": func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "\x1b[2J\x1b[1;1Hall is well\r\n[y/N] y\u202egnp"}
		},
		"long":     func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: strings.Repeat("Ä", 20_000)} },
		"nameless": func(c *x509.Certificate) { c.Subject = pkix.Name{} },
		"names": func(c *x509.Certificate) {
			for range 500 {
				c.DNSNames = append(c.DNSNames, strings.Repeat("x", 60)+".example")
			}
		},
		"for ever": func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) },
	} {
		var found *DiscoverError
		if err := shows(t, edit); !errors.As(err, &found) || found.Unvouched == nil {
			t.Errorf("%s: %v", desc, err)
			continue
		}
		facts := found.Unvouched.Facts()
		for _, f := range facts {
			if f.Value == "" || len([]rune(f.Value)) > 260 || strings.ContainsFunc(f.Value, func(r rune) bool { return r < ' ' || r == '\u202e' }) {
				t.Errorf("%s: %s is %.300q", desc, f.Label, f.Value)
			}
		}
		if len(found.Unvouched.SHA256) != 64 {
			t.Errorf("%s: the fingerprint is %q", desc, found.Unvouched.SHA256)
		}
	}
}
