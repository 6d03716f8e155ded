package upstream

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"shelfkeeper/daemon/redact"
)

// ClientCertPEM returns the client certificate of two files in PEM, or of one that
// holds both.
func ClientCertPEM(chain, key []byte) (*ClientCert, error) {
	c := &ClientCert{Chain: string(certificatesOf(chain)), Key: redact.New(string(key))}
	if c.Chain == "" {
		return nil, fmt.Errorf("%w: the file of the client certificate holds none; it must be PEM text with -----BEGIN CERTIFICATE-----, "+
			"or give a .p12 file with --client-p12", ErrPolicy)
	}
	return c, c.check()
}

// certificatesOf drops all that is no certificate: the key must not stand where the
// certificate is shown.
func certificatesOf(body []byte) (out []byte) {
	for {
		var block *pem.Block
		if block, body = pem.Decode(body); block == nil {
			return out
		}
		if block.Type == "CERTIFICATE" {
			out = append(out, pem.EncodeToMemory(block)...)
		}
	}
}

// ClientCertP12 returns the client certificate of a PKCS#12 file.
func ClientCertP12(file []byte, password redact.Secret) (*ClientCert, error) {
	if len(file) > maxGateway {
		return nil, fmt.Errorf("%w: the .p12 file is too large to be one", ErrPolicy)
	}
	key, cert, chain, err := pkcs12.DecodeChain(file, password.Reveal())
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, fmt.Errorf("%w: the password of the .p12 file is wrong", ErrPolicy)
	case err != nil:
		return nil, fmt.Errorf("%w: the .p12 file cannot be read: %s", ErrPolicy, redact.Text(strings.TrimPrefix(err.Error(), "pkcs12: ")))
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: the key in the .p12 file is of a kind that is not known here", ErrPolicy)
	}
	var text []byte
	for _, c := range append([]*x509.Certificate{cert}, chain...) {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	c := &ClientCert{Chain: string(text), Key: redact.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))}
	return c, c.check()
}

// Leaf returns the certificate itself, which is no secret.
func (c *ClientCert) Leaf() (*x509.Certificate, error) {
	pair, err := c.certificate()
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(pair.Certificate[0])
}
