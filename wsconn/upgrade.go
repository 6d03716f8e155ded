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

// enginePath is the path of the live socket, relative to the server's base path.
// abs: server/SocketAuthority.js
const enginePath = "socket.io/"

// engineBadRequest is Engine.IO's code for bad requests. A WebSocket handshake
// that arrives without its Upgrade header is one. engine.io 6.5: lib/server
const engineBadRequest = 3

// Server says how to reach the server, for REST and socket alike.
type Server interface {
	// URL returns the http or https address of a path of the server.
	URL(path string) *url.URL
	// Header returns the headers that every request carries.
	Header() http.Header
	// WebsocketDialer returns a new dialer that bounds dial, TLS handshake and
	// upgrade in time.
	WebsocketDialer() *websocket.Dialer
}

// socketURL is the WebSocket address of s.
func socketURL(s Server) string {
	u := s.URL(enginePath)
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	u.RawQuery = url.Values{"EIO": {"4"}, "transport": {"websocket"}}.Encode()
	return u.String()
}

// upgrade opens the WebSocket. It does not try long-polling, with which browsers
// begin: behind a gateway that refuses upgrades a request would wait all the time,
// and a polled session costs more than it is worth.
func upgrade(ctx context.Context, s Server) (*websocket.Conn, net.Conn, error) {
	d := s.WebsocketDialer()
	dial := d.NetDialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	var raw net.Conn
	release := func() bool { return true }
	// gorilla obeys the context while it dials, but not while it waits for the
	// answer to the upgrade.
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

// refusal explains why there was no upgrade: a gateway's page, a redirect, a 401
// or no answer at all. All of them are temporary failures.
func refusal(ctx context.Context, resp *http.Response, err error) error {
	if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
		err = nil
	}
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		return &TemporaryError{Evidence: "something in between answered 101, but not to this upgrade"}
	}
	if err == nil && resp.StatusCode == http.StatusBadRequest && lacksUpgrade(resp) {
		return &TemporaryError{Evidence: "the reverse proxy in front of Audiobookshelf does not pass the Upgrade header on"}
	}
	return judge(ctx, resp, err)
}

// lacksUpgrade reports whether resp is ABS's answer to a handshake without an
// Upgrade header. The body can be read again afterwards.
func lacksUpgrade(resp *http.Response) bool {
	body, err := io.ReadAll(resp.Body) // gorilla keeps 1 KiB
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var refused struct{ Code int }
	return err == nil && json.Unmarshal(body, &refused) == nil && refused.Code == engineBadRequest
}

// judge classifies an answer or a transport error with absapi, so that socket and
// REST describe a gateway in the same words.
func judge(ctx context.Context, resp *http.Response, err error) error {
	base := &url.URL{Scheme: "http", Host: "socket"} // of a request that is never sent
	_, judged := absapi.New(given{resp, err}, base).Ping(ctx)
	var found *absapi.Error
	if errors.As(judged, &found) {
		return &TemporaryError{
			Evidence: found.Evidence, RetryAfter: found.RetryAfter, Away: err != nil || away(resp), Err: err,
		}
	}
	return &TemporaryError{Evidence: "answered an upgrade with " + resp.Status, Err: err}
}

// away reports whether a gateway says that the server behind it is down.
func away(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// given is an absapi transport that returns a given answer.
type given struct {
	resp *http.Response
	err  error
}

func (g given) Do(*http.Request) (*http.Response, error) {
	if g.resp == nil || g.err != nil {
		return nil, g.err
	}
	own := *g.resp
	own.Request = nil // the dialer follows no redirect
	return &own, nil
}
