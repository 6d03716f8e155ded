package proxy

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
	"shelfkeeper/daemon/redact"
)

const socketInvalid = `42["auth_failed",{"message":"Invalid token"}]`

// What a player may present in the event "auth".
func TestSocketCredentials(t *testing.T) {
	w := newSocketWorld(t, absfake.Config{})
	w.grants.revoke("sk_revoked")
	real, err := json.Marshal(w.session.token.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		desc, handshake, arg string
		ok                   bool
	}{
		{"the grant", "", `,"` + grant + `"`, true},
		{"the grant, escaped", "", `,"\u0073k_goodgrant"`, true},
		{"nothing", "", ``, true},
		{"null", "", `,null`, true},
		{"empty", "", `,""`, true},
		{"blank", "", `," \t"`, true},
		{"nothing after a grant", "&token=" + grant, ``, true},
		{"empty after a grant", "&token=" + grant, `,""`, true},
		{"null and an acknowledgement's worth of arguments", "", `,null,{"a":1}`, true},
		{"wrong", "", `,"sk_wrong"`, false},
		{"revoked", "", `,"sk_revoked"`, false},
		{"with a prefix", "", `,"Bearer ` + grant + `"`, false},
		{"with a blank", "", `,"` + grant + ` "`, false},
		{"a real token", "", `,` + string(real), false},
		{"another's token", "", `,"` + others + `"`, false},
		{"an API key", "", `,"` + jwt(`{"keyId":"k","name":"n","type":"api","iat":1}`) + `"`, false},
		{"number", "", `,7`, false},
		{"false", "", `,false`, false},
		{"object", "", `,{"token":"` + grant + `"}`, false},
		{"list", "", `,["` + grant + `"]`, false},
		{"wrong after a good grant", "&token=" + grant, `,"sk_wrong"`, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			p := joined(t, w.addr, "/socket.io/?"+socketQuery+c.handshake)
			p.send(`42["auth"` + c.arg + `]`)
			f := p.next()
			for strings.HasPrefix(f, `42["user_o`) { // online, offline: an administrator hears of others too
				f = p.next()
			}
			if c.ok && !strings.HasPrefix(f, `42["init",`) || !c.ok && f != socketInvalid {
				t.Errorf("%s", f)
			}
			p.send(`42["auth","` + grant + `"]`) // whatever came before
			p.expect("init")
			p.clean(w.session.all())
			all := w.fake.Ledger().Sockets()
			if auths := all[len(all)-1].Auths; len(auths) != 1 || !auths[0].OK {
				t.Errorf("the server saw %+v", auths)
			}
		})
	}
}

// A revoked grant ends its socket at the next frame.
func TestSocketOfRevokedGrant(t *testing.T) {
	w := newSocketWorld(t, absfake.Config{})
	p := w.open("/socket.io/?" + socketQuery + "&token=" + grant)
	p.send(`42["auth",""]`)
	p.expect("init")
	w.grants.revoke(grant)
	p.send(`42["auth",""]`)
	if f := p.next(); f != socketInvalid {
		t.Errorf("%s", f)
	}
	p.send(`42["ping"]`)
	if code := p.ends(); code != websocket.ClosePolicyViolation {
		t.Errorf("it ended with %d", code)
	}
	if _, resp, err := dialPlayer(t, w.addr, "/socket.io/?"+socketQuery+"&token="+grant, nil); err == nil || resp.StatusCode != 401 {
		t.Errorf("it came back: %v", err)
	}
}

// A token that the server does not take is renewed once, out of the player's
// sight.
func TestSocketRenewsToken(t *testing.T) {
	w := newSocketWorld(t, absfake.Config{})
	p := w.open("/socket.io/?" + socketQuery)
	w.fake.ChangeSecret()
	p.send(`42["auth","` + grant + `"]`)
	if f := p.expect("init"); strings.Contains(p.all.String(), "auth_failed") {
		t.Errorf("the player learns of it: %s", f)
	}
	if auths := w.fake.Ledger().Sockets()[0].Auths; len(auths) != 2 || auths[0].OK || !auths[1].OK {
		t.Errorf("%+v", auths)
	}
	w.fake.ChangeSecret() // a new connection has a new second try
	w.fake.DropSockets(absfake.EndCut)
	w.wait("it is back", func(l *absfake.Ledger) bool {
		open := l.OpenSockets("demo")
		return len(open) == 1 && len(open[0].Auths) == 2
	})
	p.clean(w.session.all())
}

// weatherErr is what a session says that cannot be renewed now.
type weatherErr struct{ error }

func (weatherErr) RetryAfter() time.Duration { return 7 * time.Second }
func (weatherErr) Remedy() string            { return "" }

// brokenTokens is a session of which one half fails.
type brokenTokens struct {
	*fakeTokens
	token, suspect error
	asked          atomic.Int32
}

func (b *brokenTokens) Token(ctx context.Context) (redact.Secret, error) {
	if b.asked.Add(1) > 0 && b.token != nil {
		return redact.Secret{}, b.token
	}
	return b.fakeTokens.Token(ctx)
}

// waitAsked returns when the token was asked for.
func (b *brokenTokens) waitAsked(t *testing.T) {
	t.Helper()
	late := time.After(patience)
	for b.asked.Load() == 0 {
		select {
		case <-late:
			t.Fatal("nobody asks for a token")
		case <-time.After(time.Millisecond):
		}
	}
}

func (b *brokenTokens) Suspect(ctx context.Context, s redact.Secret) (redact.Secret, error) {
	fresh, err := b.fakeTokens.Suspect(ctx, s)
	return fresh, errors.Join(err, b.suspect)
}

// What is wrong with the session's tokens is not the player's fault: its
// socket stays, it hears of no refusal, and init comes when all is well.
func TestSocketTokenTrouble(t *testing.T) {
	weather := weatherErr{errors.New("the server cannot be reached")}
	for _, c := range []struct {
		desc   string
		tokens *brokenTokens
		auths  int // at the server, all refused
	}{
		{"two tokens refused", &brokenTokens{fakeTokens: &fakeTokens{list: []string{access1, access2}}}, 2},
		{"there is no other", &brokenTokens{fakeTokens: &fakeTokens{list: []string{access1}}, suspect: weather}, 1},
		{"a legacy token", &brokenTokens{fakeTokens: &fakeTokens{list: []string{legacy}}}, 1},
		{"weather", &brokenTokens{fakeTokens: &fakeTokens{list: []string{access1}}, token: weather}, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			var healed atomic.Pointer[liveTokens]
			w := newSocketWorld(t, absfake.Config{}, func(cfg *Config) {
				cfg.Tokens = healing{broken: c.tokens, healed: &healed}
			})
			p := w.open("/socket.io/?" + socketQuery)
			p.send(`42["auth","` + grant + `"]`)
			w.wait("the refusals", func(l *absfake.Ledger) bool {
				n := 0
				for _, s := range l.Sockets() {
					n += len(s.Auths)
				}
				return n >= c.auths
			})
			if c.tokens.token != nil {
				c.tokens.waitAsked(t)
			}
			healed.Store(w.session)
			w.server.NetworkChanged("signed in")
			p.expect("init")
			if strings.Contains(p.all.String(), "auth_failed") {
				t.Errorf("the player hears of it: %s", p.all.String())
			}
		})
	}
}

// healing is a session that is broken until it is healed.
type healing struct {
	broken *brokenTokens
	healed *atomic.Pointer[liveTokens]
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
		access     Access
		status     int
		name       string
	}{
		{"evil origin", "", []string{"Origin", "http://evil.example"}, me, "", 403, "other-origin"},
		{"evil origin with a good grant", "&token=" + grant, []string{"Origin", "https://evil.example"}, me, "", 403, "other-origin"},
		{"origin of another port", "", []string{"Origin", "http://127.0.0.1:1"}, me, "", 403, "other-origin"},
		{"null origin", "", []string{"Origin", "null"}, me, "", 403, "other-origin"},
		{"cross-site", "", []string{"Sec-Fetch-Site", "cross-site"}, me, "", 403, "other-origin"},
		{"same-site", "", []string{"Sec-Fetch-Site", "same-site"}, me, "", 403, "other-origin"},
		{"rebinding", "", []string{"Host", "evil.example"}, me, "", 421, "wrong-host"},
		{"unknown user", "", nil, unknown, "", 401, "needs-grant"},
		{"other user", "", nil, root, "", 401, "needs-grant"},
		{"other user with the grant", "&token=" + grant, nil, root, "", 101, ""},
		{"unknown user with the grant", "", []string{"Authorization", "Bearer " + grant}, unknown, "", 101, ""},
		{"wrong grant", "&token=sk_wrong", nil, me, "", 401, "bad-grant"},
		{"a real token", "&token=" + access1, nil, me, "", 401, "bad-grant"},
		{"grant for all", "", nil, me, AccessGrant, 401, "grant-only"},
		{"a session begun by polling", "&sid=abc", nil, me, "", 400, ""},
		{"two transports", "&transport=polling", nil, me, "", 400, ""},
		{"another protocol", "", []string{"Upgrade", "h2c"}, me, "", 400, ""},
		{"old websocket", "", []string{"Sec-WebSocket-Version", "8"}, me, "", 400, ""},
		{"bad key", "", []string{"Sec-WebSocket-Key", "short"}, me, "", 400, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := newSocketWorld(t, absfake.Config{}, func(cfg *Config) { cfg.PeerOf, cfg.Access = c.peerOf, c.access })
			resp := handshake(t, w.addr, "/socket.io/?"+socketQuery+c.path, c.header...)
			if resp.StatusCode != c.status || c.name != "" && w.server.Stats().Refused[c.name] != 1 {
				t.Errorf("%s %v %v", resp.Status, resp.Header, w.server.Stats().Refused)
			}
			if w.fake.Ledger().SocketsOpened() > 0 { // nobody has signed in
				t.Errorf("%d sockets at the server", w.fake.Ledger().SocketsOpened())
			}
		})
	}
	w := newSocketWorld(t, absfake.Config{})
	for path, status := range map[string]int{
		"/socket.io?" + socketQuery: 404, "/socket.io/x?" + socketQuery: 404, "/Socket.IO/?" + socketQuery: 404,
		"/socket.io/?EIO=3&transport=websocket": 400, "/socket.io/?transport=websocket": 400, "/socket.io/?EIO=4": 400, "/socket.io/?EIO=4&transport=polling": 400,
	} {
		if resp := handshake(t, w.addr, path); resp.StatusCode != status {
			t.Errorf("%s: %s %v", path, resp.Status, resp.Header)
		}
	}
	if resp := handshake(t, w.addr, "/api/me"); resp.StatusCode != 501 || w.server.Stats().Refused["no-upgrade"] != 1 {
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
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
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
