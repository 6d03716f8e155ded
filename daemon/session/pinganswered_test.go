package session

import (
	"io"
	"net/http"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// oauth2-proxy answers /ping itself, with the text OK. The session is renewed all the
// same, since /status is the server's.
func TestPingThatAGatewayAnswersDoesNotStopARenewal(t *testing.T) {
	withGateway(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig, g *gateway) {
		ok := answers("/ping", 200, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "OK")
		g.be(nil, func(q *http.Request, resp *http.Response) {
			if q.URL.Path == "/ping" {
				_, _ = io.Copy(io.Discard, resp.Body) // the connection goes on
				ok(q, resp)
			}
		})
		time.Sleep(3 * time.Hour)
		r.mustToken()
		if n := len(r.fake.Ledger().Rotations("demo")); n < 3 {
			r.Errorf("%d renewals in three hours\n%s", n, r.log)
		}
	})
}
