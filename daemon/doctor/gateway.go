package doctor

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absapi"
)

// api asks for what players ask for, without a token: Audiobookshelf refuses it
// in its own words.
func (r *run) api(ctx context.Context) Finding {
	if err := r.client().Passes(ctx); err != nil {
		return r.refused(err)
	}
	return ok("requests of players reach Audiobookshelf")
}

// refreshHeader sends a refresh token that is none. The server says whether it
// saw one: "Invalid refresh token", or "No refresh token provided"
// (Audiobookshelf, server/auth/TokenManager.js and server/Auth.js).
func (r *run) refreshHeader(ctx context.Context) Finding {
	if !absapi.SupportsRefresh(r.status.Version) {
		return ok("release %s has no refresh tokens", r.status.Version)
	}
	if r.Spend != nil {
		switch wait, err := r.Spend(); {
		case err != nil:
			return unknown("not asked, since the request could not be counted: %v", err)
		case wait > 0:
			return unknown("not asked: our share of the server's sign-in limit is used up for %s", wait.Round(time.Second))
		}
	}
	a, err := r.send(ctx, http.MethodPost, "auth/refresh", http.Header{"X-Refresh-Token": {"not-a-token"}})
	switch {
	case err != nil:
		return r.obstacle(err)
	case a.Status == http.StatusTooManyRequests:
		return unknown("the server's limit of sign-ins is used up; try again in ten minutes")
	case bytes.Contains(a.Body, []byte("Invalid refresh token")):
		return ok("x-refresh-token and its answer pass")
	case bytes.Contains(a.Body, []byte("No refresh token")):
		return fault("let the gateway pass the header x-refresh-token to the server", "the server does not see the header x-refresh-token")
	case a.Origin != absapi.Own:
		return fault(r.named(a.Stands.Remedy), "the renewal's address /auth/refresh does not reach Audiobookshelf: %s", a.Stands.Evidence)
	}
	return unknown("the server answered %d in words that are not known", a.Status)
}

const upgradeRemedy = "let the gateway pass websockets: for nginx `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
	"proxy_set_header Connection \"upgrade\";`"

// websocket opens the live socket as far as it goes without a token.
func (r *run) websocket(ctx context.Context) Finding {
	conn, resp, err := r.dial(ctx)
	if err == nil {
		defer conn.Close()
		if err := firstPacket(ctx, conn); err != nil {
			return fault(upgradeRemedy, "the websocket opened, and nothing came through it: %v", err)
		}
		return ok("a websocket opens and answers")
	}
	polling := "long polling works"
	a, pollErr := r.get(ctx, "socket.io/?EIO=4&transport=polling", nil)
	if pollErr != nil || a.Status != http.StatusOK || !bytes.HasPrefix(a.Body, []byte("0{")) {
		polling = "long polling does not work either"
	}
	if resp != nil {
		return fault(upgradeRemedy, "the websocket was answered with %d; %s", resp.StatusCode, polling)
	}
	return fault(upgradeRemedy, "the websocket does not open: %s; %s", absapi.ErrorObstacle(err).Evidence, polling)
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

// ranges asks for one byte of a file of the web client, which needs no token.
func (r *run) ranges(ctx context.Context) Finding {
	a, err := r.get(ctx, "Logo.png", http.Header{"Range": {"bytes=1-1"}, "Accept-Encoding": {"identity"}})
	switch {
	case err != nil:
		return r.obstacle(err)
	case a.Status == http.StatusPartialContent && len(a.Body) == 1:
		return ok("a part of a file comes as a part")
	case a.Status == http.StatusOK:
		return fault("let the gateway pass Range, and switch off what caches or rewrites files", "a part was asked for, and the whole file came: players cannot seek")
	}
	return unknown("the web client's picture was answered with %d", a.Status)
}

// uploadSize is more than a book has.
const uploadSize = 4 << 30

// upload announces a large body and sends none: a gateway with a limit refuses
// at the head already, the server says that nobody is signed in.
func (r *run) upload(ctx context.Context) Finding {
	a, err := r.announce(ctx, "api/upload", uploadSize)
	switch {
	case errors.Is(err, context.DeadlineExceeded): // it waits for the body
		return ok("no limit was met at 4 GB")
	case err != nil:
		return unknown("a large upload was announced, and no answer came: %s", absapi.ErrorObstacle(err).Evidence)
	case a.Status == http.StatusRequestEntityTooLarge:
		return note("raise the gateway's limit if you upload books: for nginx `client_max_body_size 0;`", "uploads of 4 GB are refused with 413")
	}
	return ok("no limit was met at 4 GB")
}

// How long an idle live socket is watched with --long.
const longest = 5 * time.Minute

// idleSocket opens a websocket, says nothing, and waits until it is cut. The
// server itself pings every 25 s, and waits 20 s for the answer.
func (r *run) idleSocket(ctx context.Context) Finding {
	conn, _, err := r.dial(ctx)
	if err != nil {
		return unknown("the websocket does not open any more: %s", absapi.ErrorObstacle(err).Evidence)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	begun := time.Now()
	for time.Since(begun) < longest {
		if err := conn.SetReadDeadline(begun.Add(longest + time.Second)); err != nil {
			return unknown("%v", err)
		}
		_, data, err := conn.ReadMessage()
		if err != nil {
			if time.Since(begun) >= longest {
				break
			}
			return note("raise the gateway's timeout for websockets: for nginx `proxy_read_timeout 3600s;`",
				"the websocket was cut after %s", time.Since(begun).Round(time.Second))
		}
		if string(data) == "2" {
			if err := conn.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
				return note("raise the gateway's timeout for websockets", "the websocket was cut after %s", time.Since(begun).Round(time.Second))
			}
		}
	}
	return ok("an idle websocket lives for %s and longer", longest)
}
