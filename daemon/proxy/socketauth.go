package proxy

import (
	"context"
	"crypto/rand"

	"github.com/gorilla/websocket"

	"shelfkeeper/wsconn"
)

// randomSID is a Socket.IO session's id. It opens nothing.
func randomSID() string { return rand.Text() }

// auth answers the event "auth" of a player: the guards let in who is the user
// or holds a grant, and nobody falls through with something else. That the
// server cannot be reached, that the session has no token now or one that the
// server refuses is no fault of the player's: init comes when there is one.
func (j *joint) auth(ctx context.Context, presented string) {
	caller, no := j.caller, (*refusal)(nil)
	if presented != "" {
		caller, no = j.s.callerOf(ctx, presented)
	} else if !j.s.cfg.Grants.Alive(caller) {
		no = badGrant
	}
	switch no {
	case nil:
	case badGrant:
		j.end.Send(event("auth_failed", map[string]string{"message": "Invalid token"}))
		return
	default:
		j.end.Close(websocket.CloseTryAgainLater, errorString(no.text()))
		return
	}
	j.caller = caller
	up := j.up.Load()
	switch {
	case up == nil:
		j.owed = 1
		j.connect(ctx)
	case j.keyed:
		j.owed = 1
		j.readUser(ctx)
	case j.hasInit:
		j.send(ctx, j.init) // the server answers each auth
	default:
		j.owed = 1
		up.Kick("a player signs in")
	}
}

type errorString string

func (e errorString) Error() string { return string(e) }

// connect makes the player's socket at the server.
func (j *joint) connect(ctx context.Context) {
	ctx, j.mute = context.WithCancel(ctx)
	up := wsconn.New(wsconn.Config{
		Server: j.s.cfg.Sockets, Tokens: j.s.cfg.Tokens, Active: j.s.Active,
		Events: func(e wsconn.Event) {
			select {
			case j.told <- e:
			case <-j.gone:
			case <-ctx.Done():
			}
		},
		Log: j.log.With("socket", "player"),
	})
	j.up.Store(up)
	up.Start()
}
