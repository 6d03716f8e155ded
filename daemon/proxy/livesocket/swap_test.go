package livesocket_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy/proxytest"
)

// The session's token goes up, the player's grant comes down.
func TestSocketSwapsTokens(t *testing.T) {
	for _, c := range []struct {
		release          absfake.Release
		basePath, prefix string
	}{
		{"2.26.3", "", ""}, {"", "", "/audiobookshelf"}, {"2.35.1", "/audiobookshelf", "/AudioBookShelf"},
		{"", "/books/abs", "/books/abs"}, {"", "/audiobookshelf", ""},
	} {
		t.Run(string(c.release)+c.basePath+c.prefix, func(t *testing.T) {
			w := proxytest.NewSocketWorld(t, absfake.Config{Release: c.release, BasePath: c.basePath})
			p, _, err := proxytest.DialPlayer(t, w.Addr,
				c.prefix+"/socket.io/?"+proxytest.SocketQuery+"&token="+proxytest.Grant+"&auth="+proxytest.Grant,
				http.Header{"Origin": {"http://" + w.Addr}, "Cookie": {"a=b"}})
			if err != nil {
				t.Fatal(err)
			}
			if f := p.Next(); !strings.Contains(f, `"maxPayload":65536`) || !strings.Contains(f, `"upgrades":[]`) {
				t.Errorf("%q", f)
			}
			p.Send(`40{"token":"` + proxytest.Grant + `"}`)
			p.Next()
			p.Send(`42["auth","` + proxytest.Grant + `"]`)
			if f := p.Expect("init"); !strings.Contains(f, `"username":"demo"`) {
				t.Errorf("%q", f)
			}
			p.Send(`42["ping"]`, `427["ping",{}]`)
			p.Expect("pong")
			p.Expect("pong")
			if n := w.Server.Stats(); n.Sockets != 1 || n.Active != 0 {
				t.Errorf("%d sockets, %d requests", n.Sockets, n.Active)
			}
			item := w.Fake.Library().Tracks().ID
			a := w.Send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":5}`), "Content-Type", "application/json")
			if a.StatusCode != 200 {
				t.Fatalf("%s %s", a.Status, a.Text)
			}
			if f := p.Expect("user_updated"); !strings.Contains(f, `"token":"`+proxytest.Grant+`"`) {
				t.Errorf("the user's token is not the grant: %s", f)
			}
			p.Send(`42["auth",""]`) // again, in the grant's name of the handshake
			p.Expect("init")
			p.Clean(w.Session.All())
			sockets := w.Fake.Ledger().Sockets()
			if len(sockets) != 1 || len(sockets[0].Auths) != 1 {
				t.Fatalf("%+v", sockets)
			}
			for _, auth := range sockets[0].Auths {
				if !auth.OK || auth.Token != absfake.TokenID(w.Session.Now.Reveal()) || auth.User != "demo" {
					t.Errorf("%+v", auth)
				}
			}
			if want := c.basePath + "/socket.io/"; sockets[0].Path != want {
				t.Errorf("opened at %s, want %s", sockets[0].Path, want)
			}
			for _, e := range w.Fake.Ledger().Entries() {
				if strings.HasSuffix(e.Path, "/socket.io/") && e.TokenKind != absfake.TokenNone {
					t.Errorf("the handshake carried a token: %+v", e)
				}
			}
			if n := w.Server.Stats().Withheld; n != 0 {
				t.Errorf("the filter missed %d tokens", n)
			}
		})
	}
}

// A program of the same user has no grant to show, and gets none shown.
func TestSocketWithoutGrant(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	p := w.Open("/socket.io/?" + proxytest.SocketQuery)
	p.Send(`42["auth",null]`)
	p.Expect("init")
	item := w.Fake.Library().Tracks().ID
	w.Send("PATCH", "/api/me/progress/"+item, strings.NewReader(`{"currentTime":5}`), "Content-Type", "application/json")
	if f := p.Expect("user_updated"); !strings.Contains(f, `"token":""`) {
		t.Errorf("%s", f)
	}
	p.Clean(w.Session.All())
}

// A hundred at once, which Close ends and waits for.
func TestManySockets(t *testing.T) {
	const many = 100
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	players := make([]*proxytest.Player, many)
	for i := range players {
		players[i] = w.Open("/socket.io/?" + proxytest.SocketQuery + "&token=" + proxytest.Grant)
		players[i].Send(`42["auth","` + proxytest.Grant + `"]`)
	}
	for _, p := range players {
		p.Expect("init")
	}
	if n := w.Server.Stats().Sockets; n != many {
		t.Errorf("%d sockets are open", n)
	}
	if n := len(w.Fake.Ledger().OpenSockets("demo")); n != many {
		t.Errorf("%d are authenticated", n)
	}
	var all sync.WaitGroup
	for _, p := range players {
		all.Go(func() {
			if code := p.Ends(); code != websocket.CloseGoingAway {
				t.Errorf("it ended with %d", code)
			}
			p.Clean(w.Session.All())
			_ = p.Conn.Close()
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), proxytest.Patience)
	defer cancel()
	if err := w.Server.Close(ctx); err != nil {
		t.Error(err)
	}
	if n := w.Server.Stats().Sockets; n != 0 {
		t.Errorf("%d sockets are open after Close", n)
	}
	all.Wait()
	w.Wait("the server's ends", func(l *absfake.Ledger) bool { return len(l.OpenSockets("")) == 0 })
	if _, _, err := proxytest.DialPlayer(t, w.Addr, "/socket.io/?"+proxytest.SocketQuery, nil); err == nil {
		t.Error("a socket opened after Close")
	}
}
