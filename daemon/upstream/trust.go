package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// maxCAFile is far above any bundle. It keeps a large file of another kind from
// being read into memory by mistake.
const maxCAFile = 8 << 20

// trust returns the TLS settings: the system's roots, those of the file and those of
// the text.
func trust(caFile, caText string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" && caText == "" {
		return config, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		// On a system without roots the user's file is enough.
		roots = x509.NewCertPool()
	}
	if caFile != "" {
		body, err := readBounded(caFile)
		if err == nil {
			err = trustAll(roots, "CA file "+caFile, body)
		}
		if err != nil {
			return nil, err
		}
	}
	if caText != "" {
		if err := trustAll(roots, "the authority given with --ca", []byte(caText)); err != nil {
			return nil, err
		}
	}
	config.RootCAs = roots
	return config, nil
}

func trustAll(roots *x509.CertPool, name string, body []byte) error {
	count, err := appendCertificates(roots, name, body)
	if err == nil && count == 0 {
		err = fmt.Errorf("%w: %s holds no certificate; it must be PEM text with -----BEGIN CERTIFICATE-----", ErrPolicy, name)
	}
	return err
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: read CA file %s: %w", ErrPolicy, path, unwrapPath(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: CA file %s is not a file", ErrPolicy, path)
	}
	if info.Size() > maxCAFile {
		return nil, fmt.Errorf("%w: CA file %s is too large to be a list of certificates", ErrPolicy, path)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: read CA file %s: %w", ErrPolicy, path, unwrapPath(err))
	}
	return body, nil
}

// appendCertificates is stricter than the pool's AppendCertsFromPEM, which skips
// broken certificates: they would show much later, as a handshake error.
func appendCertificates(roots *x509.CertPool, name string, body []byte) (int, error) {
	count := 0
	for {
		var block *pem.Block
		if block, body = pem.Decode(body); block == nil {
			return count, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return 0, fmt.Errorf("%w: certificate %d of %s is broken: %w", ErrPolicy, count+1, name, err)
		}
		roots.AddCert(c)
		count++
	}
}

// unwrapPath drops the path from err, since the message around it names the path.
func unwrapPath(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
