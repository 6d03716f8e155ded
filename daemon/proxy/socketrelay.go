package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

// serverSilence ends a socket whose server is gone without a word: a living
// one pings every 25 s and gives up 20 s later itself (measured on 2.36.0).
const serverSilence = 90 * time.Second

// relay passes frames between a player and the server. To the server goes what
// is known to be harmless, and in words of ours; to the player goes all, but
// for tokens.
type relay struct {
	s              *Server
	c              *call
	player, server end

	mu     sync.Mutex
	caller players.Caller // who speaks
	sent   redact.Secret  // the token of the last "auth"
	again  bool           // it was the second try
}

// run relays until an end goes or ctx is done, and returns why. Both
// connections are closed then, or about to be by the caller.
func (r *relay) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var both sync.WaitGroup
	both.Go(func() {
		stop(r.upward(ctx))
		drain(r.player.conn)
	})
	both.Go(func() {
		stop(r.downward(ctx))
		drain(r.server.conn)
	})
	<-ctx.Done()
	why := context.Cause(ctx)
	var p *parting
	if !errors.As(why, &p) {
		p = &parting{goingAway, goingAway, why} // Close
	}
	// What follows a close frame is read, or the network may throw the frame
	// itself away: a connection closed with unread bytes is reset.
	late := time.AfterFunc(lingerWait, func() {
		_ = r.player.conn.Close()
		_ = r.server.conn.Close()
	})
	defer late.Stop()
	r.player.hangUp(p.toPlayer)
	r.server.hangUp(p.toServer)
	both.Wait()
	return why
}

// drain reads conn to its end.
func drain(conn *websocket.Conn) {
	for {
		if _, _, err := conn.NextReader(); err != nil {
			if errors.Is(err, websocket.ErrReadLimit) {
				_, _ = io.Copy(io.Discard, conn.NetConn()) // the frame that was too large
			}
			return
		}
	}
}

// upward passes on what the player says, until it says no more.
func (r *relay) upward(ctx context.Context) error {
	for {
		kind, src, err := r.player.conn.NextReader()
		if err != nil {
			return &parting{plain, codeOf(err), err}
		}
		if kind != websocket.TextMessage {
			return &parting{noBinary, plain, errors.New("a binary frame from the player")}
		}
		frame, err := io.ReadAll(src) // at most maxFrame
		if err != nil {
			return &parting{plain, codeOf(err), err}
		}
		if err := r.take(ctx, frame); err != nil {
			var p *parting
			if !errors.As(err, &p) {
				p = &parting{cut, cut, err} // an end does not take what is written
			}
			return p
		}
	}
}

// take does what one frame of the player asks for. No content of its own goes
// to the server, only what it means.
func (r *relay) take(ctx context.Context, frame []byte) error {
	switch p := readPacket(frame); p.kind {
	case packetEngine:
		return r.server.write(frame)
	case packetJoin:
		return r.server.write([]byte("40")) // what comes along authenticates nothing
	case packetLeave:
		return r.server.write([]byte("41"))
	case packetPing:
		return r.server.write([]byte(`42["ping"]`))
	case packetAuth:
		return r.auth(ctx, credentialOf(p.arg))
	case packetAbroad:
		return r.player.write([]byte("44" + p.name + `,{"message":"Invalid namespace"}`))
	default:
		// Of the events that the server knows these change something for
		// others, read its log or make it ask other sites (abs:
		// server/SocketAuthority.js).
		r.s.log.DebugContext(ctx, "socket event not passed on", "event", oneLine(redact.Text(p.name)))
		return nil
	}
}

// auth answers the event "auth" of a player: the guards let in who is the user
// or holds a grant, and nobody falls through with something else.
func (r *relay) auth(ctx context.Context, presented string) error {
	caller, no := r.c.caller, (*refusal)(nil)
	if presented != "" {
		caller, no = r.s.callerOf(ctx, presented)
	} else if !r.s.cfg.Grants.Alive(caller) {
		no = badGrant
	}
	switch no {
	case nil:
	case badGrant:
		return r.player.write(event("auth_failed", map[string]string{"message": "Invalid token"}))
	default:
		return &parting{comeAgain, plain, errors.New(no.text())}
	}
	token, err := r.s.ask(ctx, r.s.cfg.Tokens.Token)
	if err != nil {
		return &parting{comeAgain, plain, err} // not the player's fault
	}
	r.mu.Lock()
	r.caller, r.sent, r.again = caller, token, false
	r.mu.Unlock()
	return r.server.write(event("auth", token.Reveal()))
}

// authFailed takes the server's refusal of a token. It reports whether the
// player is to know.
func (r *relay) authFailed(ctx context.Context) (tell bool, err error) {
	r.mu.Lock()
	sent, again := r.sent, r.again
	r.again = true
	r.mu.Unlock()
	// Sockets take no API keys at all (abs: server/SocketAuthority.js), and
	// nobody renews a legacy token.
	if t, err := absapi.ParseToken(sent); again || err != nil || t.Type != "access" {
		return true, nil
	}
	fresh, err := r.s.ask(ctx, func(ctx context.Context) (redact.Secret, error) {
		return r.s.cfg.Tokens.Suspect(ctx, sent)
	})
	switch {
	case err != nil:
		return false, &parting{comeAgain, plain, err}
	case fresh == sent:
		return true, nil
	}
	r.mu.Lock()
	r.sent = fresh
	r.mu.Unlock()
	return false, r.server.write(event("auth", fresh.Reveal()))
}

// downward passes on what the server says, until it says no more.
func (r *relay) downward(ctx context.Context) error {
	for {
		_ = r.server.conn.SetReadDeadline(time.Now().Add(serverSilence)) // it never fails
		kind, src, err := r.server.conn.NextReader()
		if err != nil {
			return &parting{codeOf(err), plain, err}
		}
		if err := r.give(ctx, kind, src); err != nil {
			var p *parting
			if !errors.As(err, &p) {
				p = &parting{cut, plain, err} // the player does not read, or the frame broke off
			}
			return p
		}
	}
}

var authFailed = []byte(`42["auth_failed"`)

// give passes one frame of the server on to the player.
func (r *relay) give(ctx context.Context, kind int, src io.Reader) error {
	head := make([]byte, len(authFailed))
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	head = head[:n]
	// A text that begins with "b" is binary too, in base64.
	if kind != websocket.TextMessage || n > 0 && head[0] == 'b' {
		return &parting{noBinary, noBinary, errors.New("a binary frame from the server")}
	}
	r.mu.Lock()
	caller := r.caller
	r.mu.Unlock()
	if !r.s.cfg.Grants.Alive(caller) {
		return &parting{notAllowed, plain, errors.New("the player's grant was revoked")}
	}
	if bytes.Equal(head, authFailed) {
		if tell, err := r.authFailed(ctx); err != nil || !tell {
			return err
		}
	}
	return r.player.stream(r.filtered(io.MultiReader(bytes.NewReader(head), src), r.s.replaceFor(ctx, caller)))
}

// filtered returns src without real tokens, as bodies of answers are.
func (r *relay) filtered(src io.Reader, replace tokenfilter.Replace) io.Reader {
	src = tokenfilter.JSON(src, replace)
	known := func() []redact.Secret { _, k := r.s.cfg.Identity(); return k }
	return tokenfilter.Guard(src, known, func() { r.s.withheld(r.c) })
}
