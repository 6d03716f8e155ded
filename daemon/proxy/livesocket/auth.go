package livesocket

import (
	"context"
	"crypto/rand"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/wsconn"
)

// randomSID is a Socket.IO session's id. It opens nothing.
func randomSID() string { return rand.Text() }

// auth answers the event "auth" of a player: the guards let in who is the user
// or holds a grant, and nobody falls through with something else. That the
// server cannot be reached, that the session has no token now or one that the
// server refuses is no fault of the player's: init comes when there is one.
func (b *bridge) auth(ctx context.Context, presented string) {
	caller, no := b.caller, (*refusal.Refusal)(nil)
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
	b.caller = caller
	up := b.up.Load()
	switch {
	case up == nil:
		b.pending = 1
		b.connect(ctx)
	case b.keyed:
		b.pending = 1
		b.readUser(ctx)
	case b.hasInit:
		b.send(ctx, b.init) // the server answers each auth
	default:
		b.pending = 1
		up.Kick("a player signs in")
	}
}

type errorString string

func (e errorString) Error() string { return string(e) }

// connect makes the player's socket at the server.
func (b *bridge) connect(ctx context.Context) {
	ctx, b.mute = context.WithCancel(ctx)
	up := wsconn.New(wsconn.Config{
		Server: b.s.cfg.Upstream, Tokens: b.s.cfg.Tokens, Active: b.s.cfg.Active,
		Events: func(e wsconn.Event) {
			select {
			case b.told <- e:
			case <-b.gone:
			case <-ctx.Done():
			}
		},
		Log: b.log.With("socket", "player"),
	})
	b.up.Store(up)
	up.Start()
}
