package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs the certificates of the beds.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certificate writes NAME.pem and NAME.key, signed by a, or by itself where a is
// nil, and returns what signs others with it.
func (a *authority) certificate(t *testing.T, dir, name string, template x509.Certificate) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	}
	parent, signer := &template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

// certificates writes those of the beds: good, expired, elsewhere, chainless and self.
func certificates(t *testing.T, dir string) {
	t.Helper()
	own := []string{bedHost}
	signs := x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca := (*authority)(nil).certificate(t, dir, "ca", signs)
	ca.certificate(t, dir, "good", x509.Certificate{DNSNames: own})
	ca.certificate(t, dir, "expired", x509.Certificate{DNSNames: own, NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter: time.Now().Add(-24 * time.Hour)})
	ca.certificate(t, dir, "elsewhere", x509.Certificate{DNSNames: []string{"other.example.org"}})
	(*authority)(nil).certificate(t, dir, "self", x509.Certificate{DNSNames: own})
	between := ca.certificate(t, dir, "between", signs)
	between.certificate(t, dir, "chainless", x509.Certificate{DNSNames: own,
		IssuingCertificateURL: []string{"http://ca.example/between.cer"}})
}
