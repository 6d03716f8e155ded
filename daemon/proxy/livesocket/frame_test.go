package livesocket_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/livesocket"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

// Of what a player says only what listening needs reaches the server.
func TestSocketDropsTheRest(t *testing.T) {
	var log strings.Builder
	w := proxytest.NewSocketWorld(t, absfake.Config{}, func(cfg *proxy.Config) {
		cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	p := w.Open("/socket.io/?" + proxytest.SocketQuery)
	p.Send(`42["auth","` + proxytest.Grant + `"]`)
	p.Expect("init")
	for _, f := range []string{
		`42["set_log_listener",0]`, `42["remove_log_listener"]`, `42["cancel_scan","lib"]`, `42["scan"]`, `42["fetch_daily_logs"]`,
		`42["message_all_users",{"message":"hello"}]`, `42["message_all_users"]`, // the second would end the server's process
		`42["search_covers",{"requestId":"1","title":"x"}]`, `42["cancel_cover_search","1"]`,
		`42["AUTH","` + proxytest.Grant + `"]`, `42["made up"]`, `42["` + proxytest.Grant + `"]`, `42[7]`, `42[]`, `42{}`, `42`, `4`, ``,
		`42["auth"`, `42"auth"`,
		`42/,["message_all_users",{"message":"hello"}]`, `42/admin,["ping"]`, `4212["message_all_users",{"message":"hello"}]`,
		`430[]`, `44{}`, `41/admin,`, `41x`, `40x`, `40[]`, `40{`, `45-["message_all_users",{"message":"hello"}]`, `460-[]`,
		`0{}`, `3probe`, `2probe`, `7`, `b` + "NDI=", "\x1e", `5x`, ` 2`,
	} {
		p.Send(f)
	}
	p.Send(`40/admin,{"token":"` + proxytest.Grant + `"}`)
	if f := p.Next(); f != `44/admin,{"message":"Invalid namespace"}` {
		t.Errorf("%s", f)
	}
	p.Send(`3`, `6`, `42/,["ping"]`)
	if f := p.Next(); f != `42["pong"]` {
		t.Errorf("%s", f)
	}
	sockets := w.Fake.Ledger().Sockets()
	if len(sockets) != 1 || sockets[0].Received != 2 { // auth and ping
		t.Errorf("the server received %+v", sockets)
	}
	if !strings.Contains(log.String(), "event=message_all_users") || strings.Contains(log.String(), w.Session.Now.Reveal()) {
		t.Errorf("the log: %s", log.String())
	}
	p.Send(`41`)
	w.Wait("the player left", func(l *absfake.Ledger) bool { return len(l.OpenSockets("demo")) == 0 })
}

// scripted is a server whose sockets do what a test says.
func scripted(t *testing.T, script func(*websocket.Conn)) *url.URL {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != livesocket.Path {
			http.NotFound(w, r)
			return
		}
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Errorf("%v: %v", err, r.Header)
			return
		}
		defer conn.Close()
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Websocket-Extensions") != "" || r.URL.RawQuery != proxytest.SocketQuery {
			t.Errorf("the handshake: %s %v", r.RequestURI, r.Header)
		}
		say := func(frame string) { _ = conn.WriteMessage(websocket.TextMessage, []byte(frame)) }
		say(`0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
		_, _, _ = conn.ReadMessage()
		say(`40{"sid":"n"}`)
		if _, frame, err := conn.ReadMessage(); err != nil || !strings.HasPrefix(string(frame), `42["auth","`) {
			t.Errorf("%s %v", frame, err)
		}
		say(`42["init",{"userId":"u1","username":"demo"}]`)
		script(conn)
	}))
	t.Cleanup(up.Close)
	base, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// No spelling of a token passes, and nothing else is changed.
func TestSocketFiltersFrames(t *testing.T) {
	opaque := "opaque-refresh-secret"
	escaped := strings.ReplaceAll(strings.ReplaceAll(proxytest.Legacy, "e", `\u0065`), ".", `\u002E`)
	large, err := json.Marshal(map[string]any{"usersOnline": strings.Repeat("x", 3<<20), "token": proxytest.Legacy,
		"others": []string{proxytest.Others, "é\u2028"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ desc, frame, want string }{
		{"own", `42["user_updated",{"token":"` + proxytest.Legacy + `"}]`, `42["user_updated",{"token":"` + proxytest.Grant + `"}]`},
		{"other's", `42["user_added",{"token":"` + proxytest.Others + `"}]`, `42["user_added",{"token":""}]`},
		{"in an address", `42["x","http://h/s?token=` + proxytest.Access1 + `&a=b"]`, `42["x","http://h/s?token=` + proxytest.Grant + `&a=b"]`},
		{"escaped", `42["x",{"\u0074oken":"` + escaped + `"}]`, `42["x",{"\u0074oken":"` + proxytest.Grant + `"}]`},
		{"of no known form", `42["x","` + opaque + `"]`, `42["x",""]`},
		{"large", `42["x",` + string(large) + `]`, `42["x",` + strings.NewReplacer(proxytest.Legacy, proxytest.Grant, proxytest.Others,
			"").Replace(string(large)) + `]`},
		{"begins like a refusal", `42["auth_failed_x","` + proxytest.Legacy + `"]`, `42["auth_failed_x","` + proxytest.Grant + `"]`},
		{"a name that needs escapes", `42["x\"y",1]`, `42["x\"y",1]`},
		{"no arguments", `42["x"]`, `42["x"]`},
	} {
		t.Run(c.desc, func(t *testing.T) {
			base := scripted(t, func(conn *websocket.Conn) {
				if err := conn.WriteMessage(websocket.TextMessage, []byte(c.frame)); err != nil {
					t.Error(err)
				}
				_, _, _ = conn.ReadMessage() // until the player goes
			})
			s, addr := proxytest.StartSockets(t, base, func(cfg *proxy.Config) {
				cfg.Identity = func() (string, []redact.Secret) { return "u1", []redact.Secret{redact.New(opaque)} }
			})
			p := proxytest.Joined(t, addr, "/socket.io/?"+proxytest.SocketQuery+"&token="+proxytest.Grant)
			p.Send(`42["auth",""]`)
			p.Expect("init")
			if frame := p.Next(); frame != c.want {
				t.Errorf("%.200q", frame)
			}
			if n := s.Stats().Withheld; (n == 1) != (c.desc == "of no known form") {
				t.Errorf("%d withheld", n)
			}
		})
	}
}
