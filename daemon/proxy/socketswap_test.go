package proxy

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
)

// The session's token goes up, the player's grant comes down.
func TestSocketSwapsTokens(t *testing.T) {
	for _, c := range []struct {
		release          absfake.Release
		basePath, prefix string
	}{
		{"2.26.3", "", ""}, {"", "", "/audiobookshelf"}, {"2.35.1", "/audiobookshelf", "/AudioBookShelf"}, {"", "/books/abs", "/books/abs"}, {"", "/audiobookshelf", ""},
	} {
		t.Run(string(c.release)+c.basePath+c.prefix, func(t *testing.T) {
			w := newSocketWorld(t, absfake.Config{Release: c.release, BasePath: c.basePath})
			p, _, err := dialPlayer(t, w.addr, c.prefix+"/socket.io/?"+socketQuery+"&token="+grant+"&auth="+grant, http.Header{"Origin": {"http://" + w.addr}, "Cookie": {"a=b"}})
			if err != nil {
				t.Fatal(err)
			}
			if f := p.next(); !strings.Contains(f, `"maxPayload":1000000`) || !strings.Contains(f, `"upgrades":[]`) {
				t.Errorf("%q", f)
			}
			p.send(`40{"token":"` + grant + `"}`)
			p.next()
			p.send(`42["auth","` + grant + `"]`)
			if f := p.expect("init"); !strings.Contains(f, `"username":"demo"`) {
				t.Errorf("%q", f)
			}
			p.send(`42["ping"]`, `427["ping",{}]`)
			p.expect("pong")
			p.expect("pong")
			if n := w.server.Stats(); n.Sockets != 1 || n.Active != 0 {
				t.Errorf("%d sockets, %d requests", n.Sockets, n.Active)
			}
			item := w.fake.Library().Tracks().ID
			a := w.send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":5}`), "Content-Type", "application/json")
			if a.StatusCode != 200 {
				t.Fatalf("%s %s", a.Status, a.body)
			}
			if f := p.expect("user_updated"); !strings.Contains(f, `"token":"`+grant+`"`) {
				t.Errorf("the user's token is not the grant: %s", f)
			}
			p.send(`42["auth",""]`) // again, in the grant's name of the handshake
			p.expect("init")
			p.clean(w.session.all())
			sockets := w.fake.Ledger().Sockets()
			if len(sockets) != 1 || len(sockets[0].Auths) != 1 {
				t.Fatalf("%+v", sockets)
			}
			for _, auth := range sockets[0].Auths {
				if !auth.OK || auth.Token != absfake.TokenID(w.session.token.Reveal()) || auth.User != "demo" {
					t.Errorf("%+v", auth)
				}
			}
			if want := c.basePath + "/socket.io/"; sockets[0].Path != want {
				t.Errorf("opened at %s, want %s", sockets[0].Path, want)
			}
			for _, e := range w.fake.Ledger().Entries() {
				if strings.HasSuffix(e.Path, "/socket.io/") && e.TokenKind != absfake.TokenNone {
					t.Errorf("the handshake carried a token: %+v", e)
				}
			}
			if n := w.server.Stats().Withheld; n != 0 {
				t.Errorf("the filter missed %d tokens", n)
			}
		})
	}
}

// A program of the same user has no grant to show, and gets none shown.
func TestSocketWithoutGrant(t *testing.T) {
	w := newSocketWorld(t, absfake.Config{})
	p := w.open("/socket.io/?" + socketQuery)
	p.send(`42["auth",null]`)
	p.expect("init")
	item := w.fake.Library().Tracks().ID
	w.send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":5}`), "Content-Type", "application/json")
	if f := p.expect("user_updated"); !strings.Contains(f, `"token":""`) {
		t.Errorf("%s", f)
	}
	p.clean(w.session.all())
}

// A hundred at once, which Close ends and waits for.
func TestManySockets(t *testing.T) {
	const many = 100
	w := newSocketWorld(t, absfake.Config{})
	players := make([]*player, many)
	for i := range players {
		players[i] = w.open("/socket.io/?" + socketQuery + "&token=" + grant)
		players[i].send(`42["auth","` + grant + `"]`)
	}
	for _, p := range players {
		p.expect("init")
	}
	if n := w.server.Stats().Sockets; n != many {
		t.Errorf("%d sockets are open", n)
	}
	if n := len(w.fake.Ledger().OpenSockets("demo")); n != many {
		t.Errorf("%d are authenticated", n)
	}
	var all sync.WaitGroup
	for _, p := range players {
		all.Go(func() {
			if code := p.ends(); code != websocket.CloseGoingAway {
				t.Errorf("it ended with %d", code)
			}
			p.clean(w.session.all())
			_ = p.conn.Close()
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.server.Close(ctx); err != nil {
		t.Error(err)
	}
	if n := w.server.Stats().Sockets; n != 0 {
		t.Errorf("%d sockets are open after Close", n)
	}
	all.Wait()
	w.wait("the server's ends", func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 })
	if _, _, err := dialPlayer(t, w.addr, "/socket.io/?"+socketQuery, nil); err == nil {
		t.Error("a socket opened after Close")
	}
}
