// Package localcert holds the certificate with which players on other machines know
// this one: one that the user gives, or one that is made here and kept.
//
// It exists so that a grant never crosses a network in clear. The certificate that is
// made here vouches for itself and for nothing else, so whoever trusts it trusts no
// other site with it. Its key never leaves its file.
package localcert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/order"
)

const (
	// CertFile and KeyFile are the own certificate and its key, in the state directory.
	// The certificate is for everybody who is to trust it.
	CertFile = "extra-address.crt"
	KeyFile  = "extra-address.key"
	// lifetime is that of an own certificate. Programs that pin it would have to be
	// told of each new one, so there are few.
	lifetime = 10 * 365 * 24 * time.Hour
	// early is how long before its end an own certificate is made anew.
	early = 60 * 24 * time.Hour
)

// Certificate is what is shown at extra addresses.
type Certificate struct {
	Path        string // where it lies
	Fingerprint string // SHA-256 of it, as browsers show it
	TLS         *tls.Config
}

// making lets the services of several accounts share one own certificate.
var making sync.Mutex

// Own returns the certificate in the directory state that is good for these addresses
// and names. Where there is none yet, or it lacks one of them or ends soon, it is made.
// It keeps its key then, and every name that it had.
func Own(state string, addrs []netip.Addr, hosts []string) (*Certificate, error) {
	making.Lock()
	defer making.Unlock()
	path, keyPath := filepath.Join(state, CertFile), filepath.Join(state, KeyFile)
	old, err := load(path, keyPath)
	switch {
	case err == nil && covers(old.Leaf, addrs, hosts) && time.Until(old.Leaf.NotAfter) > early:
		return certificate(path, keyPath, old), nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the certificate for listen_extra: %w", err)
	}
	made, certText, keyText, err := newCertificate(old, addrs, hosts)
	if err == nil {
		// The key goes first: a certificate without its key would be of no use.
		err = durable.WriteFile(keyPath, keyText, 0o600)
	}
	if err == nil {
		err = durable.WriteFile(path, certText, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("make a certificate for listen_extra: %w", err)
	}
	return certificate(path, keyPath, made), nil
}

// Files returns the certificate in a file of the user, whose key lies in another or,
// with key "", in the same. A file that is renewed is read again.
func Files(cert, key string) (*Certificate, error) {
	if key == "" {
		key = cert
	}
	pair, err := load(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate for listen_extra: %w", err)
	}
	return certificate(cert, key, pair), nil
}

func certificate(path, key string, pair *tls.Certificate) *Certificate {
	f := &files{cert: path, key: key, pair: pair, at: changed(path)}
	return &Certificate{Path: path, Fingerprint: fingerprint(pair.Leaf.Raw), TLS: &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // live sockets need it
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.now(), nil },
	}}
}

// files are those of a certificate, as they were read last.
type files struct {
	cert, key string
	mu        sync.Mutex
	pair      *tls.Certificate
	at        time.Time
}

// now returns the certificate of the files. While they cannot be read, the one before
// goes on.
func (f *files) now() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := changed(f.cert); !at.Equal(f.at) {
		if pair, err := load(f.cert, f.key); err == nil {
			f.pair, f.at = pair, at
		}
	}
	return f.pair
}

func changed(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func load(cert, key string) (*tls.Certificate, error) {
	certText, err := durable.Read(cert)
	if err != nil {
		return nil, err
	}
	keyText, err := durable.Read(key)
	if err != nil {
		return nil, err
	}
	pair, err := parse(certText, keyText)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cert, err)
	}
	return pair, nil
}

// newCertificate makes a certificate and the content of its files. It keeps the key and
// the names of old.
func newCertificate(old *tls.Certificate, addrs []netip.Addr, hosts []string) (pair *tls.Certificate, cert, private []byte, err error) {
	var key *ecdsa.PrivateKey
	names, ips := slices.Clone(hosts), []net.IP(nil)
	for _, a := range addrs {
		ips = append(ips, net.IP(a.AsSlice()))
	}
	if old != nil {
		key, _ = old.PrivateKey.(*ecdsa.PrivateKey)
		names, ips = append(names, old.Leaf.DNSNames...), append(ips, old.Leaf.IPAddresses...)
	}
	if key == nil {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, nil, nil, err
		}
	}
	slices.Sort(names)
	order.Stable(ips, func(a, b net.IP) int { return bytes.Compare(a.To16(), b.To16()) })
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, nil, err
	}
	now := time.Now()
	t := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Shelfkeeper"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(lifetime), // clocks of other machines differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, // it is no authority
		DNSNames:              slices.Compact(names), IPAddresses: slices.CompactFunc(ips, net.IP.Equal),
	}
	der, err := x509.CreateCertificate(rand.Reader, &t, &t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	pair, err = parse(cert, private)
	return pair, cert, private, err
}

func parse(cert, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err == nil && pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	return &pair, err
}

func covers(leaf *x509.Certificate, addrs []netip.Addr, hosts []string) bool {
	for _, a := range addrs {
		if leaf.VerifyHostname(a.String()) != nil {
			return false
		}
	}
	return !slices.ContainsFunc(hosts, func(h string) bool { return leaf.VerifyHostname(h) != nil })
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	var parts []string
	for _, b := range sum {
		parts = append(parts, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(parts, ":")
}
