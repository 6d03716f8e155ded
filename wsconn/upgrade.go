package wsconn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absapi"
)

// enginePath is where ABS serves its live socket, under the base path like
// everything else. abs: server/SocketAuthority.js
const enginePath = "socket.io/"

// engineBadRequest is Engine.IO's code for, among others, a websocket's
// handshake that arrives without its Upgrade header. engine.io 6.5: lib/server
const engineBadRequest = 3

// Server is how the server is reached, for REST and socket alike.
type Server interface {
	// URL returns the address of a path of the server, http or https.
	URL(path string) *url.URL
	// Header returns what every request carries.
	Header() http.Header
	// WebsocketDialer returns a dialer of its own that bounds dial, TLS and
	// upgrade.
	WebsocketDialer() *websocket.Dialer
}

// socketURL is where s upgrades.
func socketURL(s Server) string {
	u := s.URL(enginePath)
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	u.RawQuery = url.Values{"EIO": {"4"}, "transport": {"websocket"}}.Encode()
	return u.String()
}

// upgrade opens the WebSocket. Long-polling, with which browsers begin, is not
// tried: a gateway that refuses upgrades would turn it into a request that
// always waits, and polling a session costs more than it tells.
func upgrade(ctx context.Context, s Server) (*websocket.Conn, net.Conn, error) {
	d := s.WebsocketDialer()
	dial := d.NetDialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	var raw net.Conn
	release := func() bool { return true }
	// gorilla looks at the context while it dials, and no more while it waits
	// for the answer to the upgrade.
	d.NetDialContext = func(dialing context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(dialing, network, addr)
		if err != nil {
			return nil, err
		}
		done := make(chan struct{})
		stop := context.AfterFunc(ctx, func() { defer close(done); _ = conn.Close() })
		raw, release = conn, func() bool {
			if stop() {
				return true
			}
			<-done
			return false
		}
		return conn, nil
	}
	ws, resp, err := d.DialContext(ctx, socketURL(s), s.Header())
	intact := release()
	switch {
	case ctx.Err() != nil || !intact:
		if err == nil {
			_ = raw.Close()
			_ = ws.Close()
		}
		return nil, nil, fmt.Errorf("open live socket: %w", context.Cause(ctx))
	case err != nil:
		return nil, nil, fmt.Errorf("open live socket: %w", refusal(ctx, resp, err))
	}
	return ws, raw, nil
}

// refusal says why there was no upgrade: a gateway's page, a redirect, a 401
// or no answer at all. All of it is weather, as judged by absapi.
func refusal(ctx context.Context, resp *http.Response, err error) error {
	if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
		err = nil
	}
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		return &Weather{Evidence: "something in between answered 101, but not to this upgrade"}
	}
	if err == nil && resp.StatusCode == http.StatusBadRequest && lacksUpgrade(resp) {
		return &Weather{Evidence: "the reverse proxy in front of Audiobookshelf does not pass the Upgrade header on"}
	}
	return judge(ctx, resp, err)
}

// lacksUpgrade reports whether the answer is ABS's own to a handshake without
// an Upgrade header. It leaves the body as it was.
func lacksUpgrade(resp *http.Response) bool {
	body, err := io.ReadAll(resp.Body) // gorilla keeps 1 KiB
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var refused struct{ Code int }
	return err == nil && json.Unmarshal(body, &refused) == nil && refused.Code == engineBadRequest
}

// judge lets absapi tell what an answer or a transport error is, so that
// socket and REST describe one gateway in the same words.
func judge(ctx context.Context, resp *http.Response, err error) error {
	base := &url.URL{Scheme: "http", Host: "socket"} // for a request that is never sent
	_, judged := absapi.New(given{resp, err}, base).Ping(ctx)
	var found *absapi.Error
	if errors.As(judged, &found) {
		return &Weather{Evidence: found.Evidence, RetryAfter: found.RetryAfter, Away: err != nil || away(resp), Err: err}
	}
	return &Weather{Evidence: "answered an upgrade with " + resp.Status, Err: err}
}

// away reports whether a gateway says that the server behind it is not there.
func away(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// given is an answer that has come already.
type given struct {
	resp *http.Response
	err  error
}

func (g given) Do(*http.Request) (*http.Response, error) {
	if g.resp == nil || g.err != nil {
		return nil, g.err
	}
	own := *g.resp
	own.Request = nil // no redirect was followed
	return &own, nil
}
