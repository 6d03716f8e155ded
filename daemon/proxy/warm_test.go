package proxy_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/proxy/proxytest"
)

// While a request waits for its token a connection is opened for it. One that need
// not wait, and one that takes no idle connection, cause none.
func TestConnectionIsOpenedWhileATokenIsAwaited(t *testing.T) {
	for _, c := range []struct {
		desc, method string
		takes        time.Duration
		want         []string
	}{
		{"the token is renewed", "GET", time.Second, []string{"GET /abs/ping", "GET /abs/api/me"}},
		{"the token is there", "GET", 0, []string{"GET /abs/api/me"}},
		{"an unsafe request", "POST", time.Second, []string{"POST /abs/api/me/item/1/bookmark"}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := proxytest.NewStage(t, proxytest.Says(200, `{}`, "Content-Type", "application/json"))
				g.Tokens.Takes = c.takes
				path := "/api/me"
				if c.method == "POST" {
					path = "/api/me/item/1/bookmark"
				}
				rec, broken := g.Play(c.method, path)
				synctest.Wait()
				if broken || rec.Code != 200 || !slices.Equal(g.Asked, c.want) || g.Took() != c.takes {
					t.Errorf("%d in %v after %q", rec.Code, g.Took(), g.Asked)
				}
			})
		})
	}
}
