package livesocket

import (
	"context"
	"crypto/rand"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/wsconn"
)

// randomSID returns the id of a Socket.IO session. It gives no access to anything.
func randomSID() string { return rand.Text() }

// auth answers the event "auth" of a player. The guards have admitted the user's own
// programs and holders of a grant; an invalid credential is refused here. The player
// is not to blame when the server cannot be reached, when the session has no token, or
// when the server refuses the token: init then comes later.
func (b *bridge) auth(ctx context.Context, presented string) {
	caller, no := *b.caller.Load(), (*refusal.Refusal)(nil)
	if presented != "" {
		caller, no = b.s.cfg.Caller(ctx, presented)
	} else if !b.s.cfg.Alive(caller) {
		no = refusal.BadGrant
	}
	switch no {
	case nil:
	case refusal.BadGrant:
		b.end.Send(event("auth_failed", map[string]string{"message": "Invalid token"}))
		return
	default:
		b.end.Close(websocket.CloseTryAgainLater, errorString(no.Text()))
		return
	}
	b.caller.Store(&caller)
	up := b.up.Load()
	switch {
	case up == nil:
		b.initPending = true
		b.connect(ctx)
	case b.keyed:
		b.initPending = true
		b.readUser(ctx)
	case b.hasInit:
		b.send(ctx, b.init) // the server answers each auth
	default:
		b.initPending = true
		up.Kick("a player signs in")
	}
}

type errorString string

func (e errorString) Error() string { return string(e) }

// connect makes the player's socket at the server.
func (b *bridge) connect(ctx context.Context) {
	ctx, b.mute = context.WithCancel(ctx)
	up := wsconn.New(wsconn.Config{
		Server: b.s.cfg.Upstream, Tokens: b.s.cfg.Tokens, Watch: b.s.cfg.Watch,
		Turns: b.s.turns,
		Events: func(e wsconn.Event) {
			d := delivery{e, make(chan struct{})}
			select {
			case b.events <- d:
			case <-b.gone:
				return
			case <-ctx.Done():
				return
			}
			select { // the turn of a large event ends when it is handled
			case <-d.handled:
			case <-ctx.Done():
			}
		},
		Log: b.log.With("socket", "player"),
	})
	b.up.Store(up)
	up.Start()
}
