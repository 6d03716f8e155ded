package livesocket_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
	"shelfkeeper/daemon/redact"
)

const socketInvalid = `42["auth_failed",{"message":"Invalid token"}]`

// What a player may present in the event "auth".
func TestSocketCredentials(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	w.Grants.Revoke("sk_revoked")
	real, err := json.Marshal(w.Session.Now.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		desc, handshake, arg string
		ok                   bool
	}{
		{"the grant", "", `,"` + proxytest.Grant + `"`, true},
		{"the grant, escaped", "", `,"\u0073k_goodgrant"`, true},
		{"nothing", "", ``, true},
		{"null", "", `,null`, true},
		{"empty", "", `,""`, true},
		{"blank", "", `," \t"`, true},
		{"nothing after a grant", "&token=" + proxytest.Grant, ``, true},
		{"empty after a grant", "&token=" + proxytest.Grant, `,""`, true},
		{"null and an acknowledgement's worth of arguments", "", `,null,{"a":1}`, true},
		{"wrong", "", `,"sk_wrong"`, false},
		{"revoked", "", `,"sk_revoked"`, false},
		{"with a prefix", "", `,"Bearer ` + proxytest.Grant + `"`, false},
		{"with a blank", "", `,"` + proxytest.Grant + ` "`, false},
		{"a real token", "", `,` + string(real), false},
		{"another's token", "", `,"` + proxytest.Others + `"`, false},
		{"an API key", "", `,"` + proxytest.JWT(`{"keyId":"k","name":"n","type":"api","iat":1}`) + `"`, false},
		{"number", "", `,7`, false},
		{"false", "", `,false`, false},
		{"object", "", `,{"token":"` + proxytest.Grant + `"}`, false},
		{"list", "", `,["` + proxytest.Grant + `"]`, false},
		{"wrong after a good grant", "&token=" + proxytest.Grant, `,"sk_wrong"`, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			p := proxytest.Joined(t, w.Addr, "/socket.io/?"+proxytest.SocketQuery+c.handshake)
			p.Send(`42["auth"` + c.arg + `]`)
			f := p.Next()
			for strings.HasPrefix(f, `42["user_o`) { // online, offline: an administrator hears of others too
				f = p.Next()
			}
			if c.ok && !strings.HasPrefix(f, `42["init",`) || !c.ok && f != socketInvalid {
				t.Errorf("%s", f)
			}
			p.Send(`42["auth","` + proxytest.Grant + `"]`) // whatever came before
			p.Expect("init")
			p.Clean(w.Session.All())
			all := w.Fake.Ledger().Sockets()
			if auths := all[len(all)-1].Auths; len(auths) != 1 || !auths[0].OK {
				t.Errorf("the server saw %+v", auths)
			}
		})
	}
}

// A revoked grant ends its socket at the next frame.
func TestSocketOfRevokedGrant(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	p := w.Open("/socket.io/?" + proxytest.SocketQuery + "&token=" + proxytest.Grant)
	p.Send(`42["auth",""]`)
	p.Expect("init")
	w.Grants.Revoke(proxytest.Grant)
	p.Send(`42["auth",""]`)
	if f := p.Next(); f != socketInvalid {
		t.Errorf("%s", f)
	}
	p.Send(`42["ping"]`)
	if code := p.Ends(); code != websocket.ClosePolicyViolation {
		t.Errorf("it ended with %d", code)
	}
	if _, resp, err := proxytest.DialPlayer(t, w.Addr, "/socket.io/?"+proxytest.SocketQuery+"&token="+proxytest.Grant,
		nil); err == nil || resp.StatusCode != 401 {
		t.Errorf("it came back: %v", err)
	}
}

// A token that the server does not take is renewed once, out of the player's
// sight.
func TestSocketRenewsToken(t *testing.T) {
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	p := w.Open("/socket.io/?" + proxytest.SocketQuery)
	w.Fake.ChangeSecret()
	p.Send(`42["auth","` + proxytest.Grant + `"]`)
	if f := p.Expect("init"); strings.Contains(p.All.String(), "auth_failed") {
		t.Errorf("the player learns of it: %s", f)
	}
	if auths := w.Fake.Ledger().Sockets()[0].Auths; len(auths) != 2 || auths[0].OK || !auths[1].OK {
		t.Errorf("%+v", auths)
	}
	w.Fake.ChangeSecret() // a new connection has a new second try
	w.Fake.DropSockets(absfake.EndCut)
	w.Wait("it is back", func(l *absfake.Ledger) bool {
		open := l.OpenSockets("demo")
		return len(open) == 1 && len(open[0].Auths) == 2
	})
	p.Clean(w.Session.All())
}

// temporaryError is what a session says that cannot be renewed now.
type temporaryError struct{ error }

func (temporaryError) RetryAfter() time.Duration { return 7 * time.Second }

func (temporaryError) Remedy() string { return "" }

// brokenTokens is a session of which one half fails.
type brokenTokens struct {
	*proxytest.Tokens
	token, suspect error
	asked          atomic.Int32
}

func (b *brokenTokens) Token(ctx context.Context) (redact.Secret, error) {
	if b.asked.Add(1) > 0 && b.token != nil {
		return redact.Secret{}, b.token
	}
	return b.Tokens.Token(ctx)
}

// waitAsked returns when the token was asked for.
func (b *brokenTokens) waitAsked(t *testing.T) {
	t.Helper()
	late := time.After(proxytest.Patience)
	for b.asked.Load() == 0 {
		select {
		case <-late:
			t.Fatal("nobody asks for a token")
		case <-time.After(time.Millisecond):
		}
	}
}

func (b *brokenTokens) Suspect(ctx context.Context, s redact.Secret) (redact.Secret, error) {
	fresh, err := b.Tokens.Suspect(ctx, s)
	return fresh, errors.Join(err, b.suspect)
}

// What is wrong with the session's tokens is not the player's fault: its
// socket stays, it hears of no refusal, and init comes when all is well.
func TestSocketTokenTrouble(t *testing.T) {
	temporary := temporaryError{errors.New("the server cannot be reached")}
	for _, c := range []struct {
		desc   string
		tokens *brokenTokens
		auths  int // at the server, all refused
	}{
		{"two tokens refused", &brokenTokens{Tokens: &proxytest.Tokens{List: []string{proxytest.Access1, proxytest.Access2}}}, 2},
		{"there is no other", &brokenTokens{Tokens: &proxytest.Tokens{List: []string{proxytest.Access1}}, suspect: temporary}, 1},
		{"a legacy token", &brokenTokens{Tokens: &proxytest.Tokens{List: []string{proxytest.Legacy}}}, 1},
		{"a temporary failure", &brokenTokens{Tokens: &proxytest.Tokens{List: []string{proxytest.Access1}}, token: temporary}, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			var healed atomic.Pointer[proxytest.LiveTokens]
			w := proxytest.NewSocketWorld(t, absfake.Config{}, func(cfg *proxy.Config) {
				cfg.Tokens = healing{broken: c.tokens, healed: &healed}
			})
			p := w.Open("/socket.io/?" + proxytest.SocketQuery)
			p.Send(`42["auth","` + proxytest.Grant + `"]`)
			w.Wait("the refusals", func(l *absfake.Ledger) bool {
				n := 0
				for _, s := range l.Sockets() {
					n += len(s.Auths)
				}
				return n >= c.auths
			})
			if c.tokens.token != nil {
				c.tokens.waitAsked(t)
			}
			healed.Store(w.Session)
			w.Server.NetworkChanged("signed in")
			p.Expect("init")
			if strings.Contains(p.All.String(), "auth_failed") {
				t.Errorf("the player hears of it: %s", p.All.String())
			}
		})
	}
}

// healing is a session that is broken until it is healed.
type healing struct {
	broken *brokenTokens
	healed *atomic.Pointer[proxytest.LiveTokens]
}

func (h healing) Token(ctx context.Context) (redact.Secret, error) {
	if well := h.healed.Load(); well != nil {
		return well.Token(ctx)
	}
	return h.broken.Token(ctx)
}

func (h healing) Suspect(ctx context.Context, s redact.Secret) (redact.Secret, error) {
	if well := h.healed.Load(); well != nil {
		return well.Suspect(ctx, s)
	}
	return h.broken.Suspect(ctx, s)
}

// Who may open a socket, and at which address.
func TestSocketGuards(t *testing.T) {
	unknown := func(net.Conn) players.Peer { return players.Peer{UID: 4711} }
	root := func(net.Conn) players.Peer { return players.Peer{Known: true} }
	for _, c := range []struct {
		desc, path string
		header     []string
		peerOf     func(net.Conn) players.Peer
		access     proxy.Access
		status     int
		name       string
	}{
		{"evil origin", "", []string{"Origin", "http://evil.example"}, proxytest.Me, "", 403, "other-origin"},
		// No foreign page can know a grant, so its holder is a program in a webview.
		{"foreign origin with a good grant", "&token=" + proxytest.Grant, []string{"Origin", "https://evil.example"}, proxytest.Me, "", 101, ""},
		{"foreign origin with a wrong grant", "&token=sk_wrong", []string{"Origin", "https://evil.example"}, proxytest.Me, "", 401, "bad-grant"},
		{"origin of another port", "", []string{"Origin", "http://127.0.0.1:1"}, proxytest.Me, "", 403, "other-origin"},
		{"null origin", "", []string{"Origin", "null"}, proxytest.Me, "", 403, "other-origin"},
		{"cross-site", "", []string{"Sec-Fetch-Site", "cross-site"}, proxytest.Me, "", 403, "other-origin"},
		{"same-site", "", []string{"Sec-Fetch-Site", "same-site"}, proxytest.Me, "", 403, "other-origin"},
		{"rebinding", "", []string{"Host", "evil.example"}, proxytest.Me, "", 421, "wrong-host"},
		{"unknown user", "", nil, unknown, "", 401, "needs-grant"},
		{"other user", "", nil, root, "", 401, "needs-grant"},
		{"other user with the grant", "&token=" + proxytest.Grant, nil, root, "", 101, ""},
		{"unknown user with the grant", "", []string{"Authorization", "Bearer " + proxytest.Grant}, unknown, "", 101, ""},
		{"wrong grant", "&token=sk_wrong", nil, proxytest.Me, "", 401, "bad-grant"},
		{"a real token", "&token=" + proxytest.Access1, nil, proxytest.Me, "", 401, "bad-grant"},
		{"grant for all", "", nil, proxytest.Me, proxy.AccessGrant, 401, "grant-only"},
		{"a session begun by polling", "&sid=abc", nil, proxytest.Me, "", 400, ""},
		{"two transports", "&transport=polling", nil, proxytest.Me, "", 400, ""},
		{"another protocol", "", []string{"Upgrade", "h2c"}, proxytest.Me, "", 400, ""},
		{"old websocket", "", []string{"Sec-WebSocket-Version", "8"}, proxytest.Me, "", 400, ""},
		{"bad key", "", []string{"Sec-WebSocket-Key", "short"}, proxytest.Me, "", 400, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := proxytest.NewSocketWorld(t, absfake.Config{}, func(cfg *proxy.Config) { cfg.PeerOf, cfg.Access = c.peerOf, c.access })
			resp := handshake(t, w.Addr, "/socket.io/?"+proxytest.SocketQuery+c.path, c.header...)
			if resp.StatusCode != c.status || c.name != "" && w.Server.Stats().Refused[c.name] != 1 {
				t.Errorf("%s %v %v", resp.Status, resp.Header, w.Server.Stats().Refused)
			}
			if w.Fake.Ledger().SocketsOpened() > 0 { // nobody has signed in
				t.Errorf("%d sockets at the server", w.Fake.Ledger().SocketsOpened())
			}
		})
	}
	w := proxytest.NewSocketWorld(t, absfake.Config{})
	for path, status := range map[string]int{
		"/socket.io?" + proxytest.SocketQuery: 404, "/socket.io/x?" + proxytest.SocketQuery: 404, "/Socket.IO/?" + proxytest.SocketQuery: 404,
		"/socket.io/?EIO=3&transport=websocket": 400, "/socket.io/?transport=websocket": 400, "/socket.io/?EIO=4": 400,
		"/socket.io/?EIO=4&transport=polling": 400,
	} {
		if resp := handshake(t, w.Addr, path); resp.StatusCode != status {
			t.Errorf("%s: %s %v", path, resp.Status, resp.Header)
		}
	}
	if resp := handshake(t, w.Addr, "/api/me"); resp.StatusCode != 501 || w.Server.Stats().Refused["no-upgrade"] != 1 {
		t.Errorf("elsewhere: %s", resp.Status)
	}
}

// handshake asks for a websocket with a good handshake, but for header.
func handshake(t *testing.T, addr, path string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest("GET", "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}
