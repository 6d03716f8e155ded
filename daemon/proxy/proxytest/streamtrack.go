package proxytest

import (
	"crypto/sha256"
	"io"
	"net/http"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
)

// NewRealWorld is a proxy before the double, both on real sockets or in memory.
func NewRealWorld(t *testing.T, cfg absfake.Config, change ...func(*proxy.Config)) (*World, *absfake.Server) {
	t.Helper()
	cfg.LimiterMax = -1
	fake, err := absfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	transport := &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	session := SignedIn(t, fake)
	w := NewWorld(t, nil, func(c *proxy.Config) {
		c.Base.Host, c.Base.Path = "abs.example", cfg.BasePath
		c.Transport, c.Tokens, c.Identity, c.Hold = transport, session, session.Identity, 0
	}, func(c *proxy.Config) {
		for _, f := range change {
			f(c)
		}
	})
	return w, fake
}

func Sum(t *testing.T, f *absfake.File) (out [32]byte) {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, f.Reader()); err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}
