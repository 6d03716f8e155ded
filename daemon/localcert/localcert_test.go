package localcert

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var bridge = []netip.Addr{netip.MustParseAddr("172.17.0.1"), netip.MustParseAddr("fd00::1")}

// greets reports what a client that trusts the file at trusted says of c under a name.
func greets(t *testing.T, c *Certificate, trusted, name string) error {
	t.Helper()
	text, err := os.ReadFile(trusted)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("no certificate in", trusted)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", c.TLS)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if far, err := l.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, far) // until the client closes
			_ = far.Close()
		}
	}()
	client, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
	if err == nil {
		_ = client.Close()
	}
	<-done
	_ = l.Close()
	return err
}

// The own certificate stays while it fits, keeps its key and its names when it grows,
// and vouches for nobody else.
func TestOwn(t *testing.T) {
	dir := t.TempDir()
	first, err := Own(dir, bridge, []string{"host.docker.internal"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"172.17.0.1", "fd00::1", "host.docker.internal"} {
		if err := greets(t, first, first.Path, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"abs.example.org", "172.17.0.2"} {
		if err := greets(t, first, first.Path, name); err == nil {
			t.Errorf("it is good for %s", name)
		}
	}
	if leaf := first.pair(t).Leaf; leaf.IsCA || leaf.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Error("whoever trusts it trusts others too")
	}
	if info, err := os.Stat(filepath.Join(dir, KeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	again, err := Own(dir, bridge[:1], nil)
	if err != nil || again.Fingerprint != first.Fingerprint {
		t.Errorf("it is another one: %v", err)
	}
	more, err := Own(dir, []netip.Addr{netip.MustParseAddr("192.168.1.5")}, nil)
	if err != nil || more.Fingerprint == first.Fingerprint {
		t.Fatalf("it has no new name: %v", err)
	}
	for _, name := range []string{"172.17.0.1", "192.168.1.5", "host.docker.internal"} {
		if err := greets(t, more, more.Path, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a, b := first.pair(t).Leaf, more.pair(t).Leaf; string(a.RawSubjectPublicKeyInfo) != string(b.RawSubjectPublicKeyInfo) {
		t.Error("the key is another one")
	}
	// A crash between the two files leaves the key alone.
	if err := os.Remove(more.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := Own(dir, bridge, nil); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, CertFile), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Own(dir, bridge, nil); err == nil {
		t.Error("a damaged file is written over")
	}
}

// Files of the user's are read again when they were renewed, and the ones before go on
// while they cannot be read.
func TestFiles(t *testing.T) {
	a, b, at := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "both.pem")
	var old, renewed []byte
	for dir, into := range map[string]*[]byte{a: &old, b: &renewed} {
		if _, err := Own(dir, bridge, nil); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{CertFile, KeyFile} {
			part, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			*into = append(*into, part...)
		}
	}
	write := func(content []byte, age time.Duration) {
		t.Helper()
		when := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(at, content, 0o600), os.Chtimes(at, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	write(old, time.Hour)
	c, err := Files(at, "")
	if err != nil {
		t.Fatal(err)
	}
	trust := func(dir string) string { return filepath.Join(dir, CertFile) }
	write([]byte("half"), 2*time.Minute)
	if err := greets(t, c, trust(a), "172.17.0.1"); err != nil {
		t.Errorf("while it is written: %v", err)
	}
	write(renewed, time.Minute)
	if err := greets(t, c, trust(b), "172.17.0.1"); err != nil {
		t.Errorf("renewed: %v", err)
	}
	for _, bad := range []struct{ cert, key string }{{"/nowhere", ""}, {at, trust(a)}, {t.TempDir(), ""}} {
		if _, err := Files(bad.cert, bad.key); err == nil {
			t.Errorf("%v is read", bad)
		}
	}
}

func (c *Certificate) pair(t *testing.T) *tls.Certificate {
	t.Helper()
	pair, err := c.TLS.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}
