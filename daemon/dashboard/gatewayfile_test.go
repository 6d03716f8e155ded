package dashboard

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// clientFiles are a client certificate as people have it: PKCS#12 with a password, or
// certificate and key in PEM.
func clientFiles(t *testing.T, password string) (p12, chain, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "alice"}, NotBefore: time.Now(),
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if p12, err = pkcs12.Modern.Encode(private, cert, nil, password); err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return p12, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// postFiles sends a form with files, as a browser does.
func (w *world) postFiles(path string, files map[string][]byte, fields ...string) answer {
	w.t.Helper()
	if w.csrf == "" {
		w.get("/sign-in")
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, values := range w.form(fields...) {
		if err := form.WriteField(name, values[0]); err != nil {
			w.t.Fatal(err)
		}
	}
	for name, content := range files {
		part, err := form.CreateFormFile(name, name+".bin")
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		w.t.Fatal(err)
	}
	return w.ask(http.MethodPost, path, nil, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("Origin", w.server.origin)
	})
}

// A client certificate comes as a file of PKCS#12, or in PEM, for an account and
// before a first sign-in.
func TestClientCertificateAsFile(t *testing.T) {
	p12, chain, key := clientFiles(t, "hush")
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	const path = "/accounts/home/gateway"
	w.get(path).has(t, `name="p12" type="file"`, `enctype="multipart/form-data"`)
	both := append(append([]byte{}, chain...), key...)
	for desc, got := range map[string]answer{
		"p12":      w.postFiles(path, map[string][]byte{"p12": p12}, "kind", "cert", "p12pass", "hush"),
		"pem":      w.postFiles(path, map[string][]byte{"chainfile": chain, "keyfile": key}, "kind", "cert"),
		"one file": w.postFiles(path, map[string][]byte{"chainfile": both}, "kind", "cert"),
		"as text":  w.post(path, "kind", "cert", "chain", string(chain), "key", string(key)),
	} {
		if got.header.Get("Location") != path+"?done=act.gateway" {
			t.Errorf("%s: %d\n%s", desc, got.status, got.body)
		}
	}
	want := slices.Repeat([]string{"gateway home cert true true"}, 4)
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
	w.postFiles(path, map[string][]byte{"p12": p12}, "kind", "cert", "p12pass", "wrong").has(t, "password of the .p12 file is wrong")
	w.postFiles(path, map[string][]byte{"p12": chain}, "kind", "cert").has(t, "p12 file cannot be read")
	w.postFiles(path, map[string][]byte{"chainfile": p12}, "kind", "cert").has(t, "That is no certificate")
	w.postFiles(path, nil, "kind", "cert").has(t, "Fill in the fields first")
	if got := w.postFiles(path, map[string][]byte{"p12": make([]byte, bodyLimit)}, "kind", "cert"); got.status != 413 {
		t.Errorf("a file that is too long: %d", got.status)
	}
	if got := w.postFiles("/accounts/home/sign-in", nil, "method", "password"); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("files in a form that has none: %d", got.status)
	}

	d = newDouble()
	w = serve(t, d, nil)
	w.postFiles("/sign-in/look", map[string][]byte{"p12": p12, "cafile": chain}, "server", "abs.example.org", "p12pass", "hush", "pin",
		strings.Repeat("a", 64), "agent", "me/1", "header4", "X-Four", "value4", "v", "for", "http://192.168.1.5")
	if acts := d.done(); len(acts) != 1 || !strings.Contains(acts[0], " cert true true") || !strings.Contains(acts[0], "agent me/1") ||
		!strings.Contains(acts[0], "pin aaaa") || !strings.Contains(acts[0], "header X-Four=v for [http://192.168.1.5]") ||
		!strings.Contains(acts[0], "BEGIN CERTIFICATE") {
		t.Errorf("acts %q", acts)
	}
	w.postFiles("/sign-in/look", map[string][]byte{"p12": p12}, "server", "abs.example.org", "p12pass", "wrong").
		has(t, "password of the .p12 file is wrong", `id="behind" open`)
}
