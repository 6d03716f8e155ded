package doctor

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absapi"
)

const upgradeRemedy = "let the gateway pass websockets: for nginx `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
	"proxy_set_header Connection \"upgrade\";`; Caddy and Traefik do unless told otherwise"

// websocket opens the live socket as far as it goes without a token. It stays open,
// so that idleSocket sees how long it lives.
func (r *run) websocket(ctx context.Context) Finding {
	conn, resp, err := r.dial(ctx)
	if err == nil {
		if err := firstPacket(ctx, conn); err != nil {
			_ = conn.Close()
			return fault(upgradeRemedy, "the websocket opened, and nothing came through it: %v", err)
		}
		r.socket = watchSocket(conn)
		return ok("a websocket opens and answers")
	}
	said := ""
	if resp != nil {
		said = "the websocket was answered with " + itoa(resp.StatusCode)
	} else {
		said = "the websocket does not open: " + absapi.ErrorObstacle(err).Evidence
	}
	if r.multiplexed && r.pingPlainly(ctx) != nil {
		return fault("let the gateway speak HTTP/1.1 beside HTTP/2 (Caddy: `protocols h1 h2`): a websocket begins with it",
			"the gateway speaks HTTP/2 alone: %s", said)
	}
	return fault(upgradeRemedy, "%s", said)
}

// polling asks whether the way without websockets works, which some players try first.
func (r *run) polling(ctx context.Context) Finding {
	a, err := r.get(ctx, "socket.io/?EIO=4&transport=polling", nil)
	switch {
	case err != nil:
		return note("let the gateway pass /socket.io/ to the server", "long polling gets no answer: %s", absapi.ErrorObstacle(err).Evidence)
	case a.Status == http.StatusOK && bytes.HasPrefix(a.Body, []byte("0{")):
		return ok("long polling works")
	}
	return note("let the gateway pass /socket.io/ to the server", "long polling was answered with %d", a.Status)
}

func (r *run) dial(ctx context.Context) (*websocket.Conn, *http.Response, error) {
	at := *r.Up.URL("socket.io/")
	at.Scheme = strings.Replace(at.Scheme, "http", "ws", 1)
	at.RawQuery = "EIO=4&transport=websocket"
	conn, resp, err := r.Up.WebsocketDialer().DialContext(ctx, at.String(), nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close() // gorilla has read what it keeps
	}
	return conn, resp, err
}

// firstPacket waits for Engine.IO's opening packet.
func firstPacket(ctx context.Context, conn *websocket.Conn) error {
	if end, there := ctx.Deadline(); there {
		if err := conn.SetReadDeadline(end); err != nil {
			return err
		}
	}
	_, data, err := conn.ReadMessage()
	if err == nil && !bytes.HasPrefix(data, []byte("0{")) {
		return errors.New("it is not Socket.IO")
	}
	return err
}

// watch is a live socket on which nothing happens, and how long it has lived.
type watch struct {
	conn  *websocket.Conn
	begun time.Time
	ended chan struct{} // closed when the socket is gone
	mu    sync.Mutex
	cutAt time.Time
}

// watchSocket joins the server's namespace, without which it ends the socket after 45
// s, and answers its pings, which come every 25 s. Nobody is signed in.
func watchSocket(conn *websocket.Conn) *watch {
	w := &watch{conn: conn, begun: time.Now(), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		err := conn.SetReadDeadline(time.Time{})
		if err == nil {
			err = conn.WriteMessage(websocket.TextMessage, []byte("40"))
		}
		for err == nil {
			var data []byte
			if _, data, err = conn.ReadMessage(); err == nil && string(data) == "2" {
				err = conn.WriteMessage(websocket.TextMessage, []byte("3"))
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.cutAt = time.Now()
	}()
	return w
}

func (w *watch) close() {
	if w == nil {
		return
	}
	_ = w.conn.Close()
	<-w.ended
}

// How long an idle live socket is watched: always, so that a gateway is noticed that
// cuts it within seconds, and with --long.
const (
	watchedAlways = 7 * time.Second
	watchedLong   = 5 * time.Minute
)

// marks are the moments at which --long says that the socket is alive.
var marks = []time.Duration{time.Minute, 2 * time.Minute, watchedLong}

func (r *run) watched() time.Duration {
	switch {
	case r.watch > 0:
		return r.watch
	case r.Long:
		return watchedLong
	}
	return watchedAlways
}

// pingInterval is how often the server itself says something on a live socket
// (Audiobookshelf, server/SocketAuthority.js: the defaults of Socket.IO).
const pingInterval = 25 * time.Second

// idleSocket waits until the live socket is cut, or has lived long enough.
func (r *run) idleSocket(ctx context.Context) Finding {
	w := r.socket
	if w == nil {
		return unknown("no websocket is open")
	}
	if r.Long {
		for _, mark := range marks {
			if w.wait(ctx, mark) {
				r.say("the live socket, alive after " + shown(mark))
			}
		}
	}
	alive := w.wait(ctx, r.watched())
	switch lived := w.lived().Round(time.Second); {
	case ctx.Err() != nil:
		return unknown("the examination ended before")
	case !alive && lived < pingInterval:
		return fault(idleRemedy, "the websocket was cut after %s, before the server's first word (it speaks every %s)",
			lived, shownShort(pingInterval))
	case !alive:
		return note(idleRemedy, "the websocket was cut after %s; it is joined anew each time", lived)
	case r.Long:
		return ok("an idle websocket lives for %s and longer", shown(watchedLong))
	}
	return ok("an idle websocket lives for %s and longer; --long watches it for %s", shownShort(watchedAlways), shown(watchedLong))
}

const idleRemedy = "raise the gateway's timeout for websockets: nginx `proxy_read_timeout 3600s;`, HAProxy `timeout tunnel 1h`, " +
	"Apache `ProxyTimeout 3600`"

// wait waits until the socket has lived that long, and reports whether it has.
func (w *watch) wait(ctx context.Context, long time.Duration) bool {
	t := time.NewTimer(time.Until(w.begun.Add(long)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-w.ended:
	}
	return w.lived() >= long // it may have been cut long before it was asked
}

// lived is how long the socket has been open.
func (w *watch) lived() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cutAt.IsZero() {
		return time.Since(w.begun)
	}
	return w.cutAt.Sub(w.begun)
}

func shownShort(d time.Duration) string { return itoa(int(d/time.Second)) + " s" }
