package proxy

import (
	"io"
	"net/http"
	"strings"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/redact"
)

// foreign returns the refusal for an answer to c that is not Audiobookshelf's, or nil.
// No player gets the page of a gateway as an answer of the server.
func (s *Server) foreign(c *call, resp *http.Response) *refusal.Refusal {
	origin, obstacle := absapi.Judge(c.path, resp)
	if origin != absapi.Foreign {
		return nil
	}
	var no refusal.Refusal
	switch {
	case resp.StatusCode == http.StatusRequestEntityTooLarge:
		no = *refusal.GatewayTooLarge
	case !obstacle.NeedsUser:
		no = *refusal.Temporary
		no.Cause += " (a gateway " + refusal.OneLine(redact.Text(obstacle.Evidence)) + ")"
		no.Remedy = s.remedy(obstacle)
		return no.Later(resp.Header)
	case resp.StatusCode/100 == 3:
		no = *refusal.Elsewhere
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusProxyAuthRequired,
		resp.StatusCode == http.StatusNetworkAuthenticationRequired:
		no = *refusal.Gateway401
	default:
		no = *refusal.Gateway
	}
	no.Cause += " (" + refusal.OneLine(redact.Text(obstacle.Evidence)) + ")"
	no.Remedy = s.remedy(obstacle)
	return &no
}

func (s *Server) remedy(o absapi.Obstacle) string {
	return refusal.OneLine(health.For(s.cfg.Account.Name, o.Remedy))
}

// unreached returns no with the words for a connection that failed: status has the same.
func (s *Server) unreached(err error, no *refusal.Refusal) *refusal.Refusal {
	o := absapi.ErrorObstacle(err)
	if o.Remedy == "" || no.Name != refusal.Temporary.Name {
		return no
	}
	own := *no
	own.Remedy = s.remedy(o)
	return &own
}

// asPing makes the answer of a gateway that answers /ping itself (oauth2-proxy: OK) one
// that players can read.
func asPing(c *call, resp *http.Response) {
	kind := resp.Header.Get("Content-Type")
	if c.path != "/ping" || resp.StatusCode != http.StatusOK || resp.Body == nil || strings.HasPrefix(kind, "application/json") {
		return
	}
	const pong = `{"success":true}`
	_ = resp.Body.Close()
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(pong)), int64(len(pong))
	resp.Header = http.Header{"Content-Type": {"application/json; charset=utf-8"}}
}
