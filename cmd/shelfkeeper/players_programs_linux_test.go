package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// socketScript connects as a player's page does, signs in with a grant and prints what
// init says.
const socketScript = `
const { io } = require(process.argv[1] + "/node_modules/socket.io-client")
const s = io(process.argv[2], { transports: [process.argv[4]], reconnection: false })
s.on("connect", () => s.emit("auth", process.argv[3]))
s.on("init", d => { console.log(JSON.stringify(d)); s.close(); process.exit(0) })
s.on("auth_failed", () => process.exit(3))
s.on("connect_error", e => { console.error(String(e)); process.exit(4) })
`

// npm's socket.io-client signs in with a grant by either transport, and hears no token.
func TestSocketIOClient(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "node")
	nodeModule(t, "socket.io-client", "package.json")
	modules := os.Getenv("SHELFKEEPER_NODE")
	s, p, url, grant := signedIn(t, absfake.Config{})
	for _, transport := range []string{"websocket", "polling"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		cmd := exec.CommandContext(ctx, "node", "-e", socketScript, modules, url, grant, transport)
		cmd.Env = append(os.Environ(), p.env...)
		said, err := cmd.CombinedOutput()
		cancel()
		if err != nil || !strings.Contains(string(said), `"username":"`+user+`"`) {
			t.Errorf("%s: %v\n%s", transport, err, said)
		}
		p.noServerToken(s, string(said))
	}
}

// aioaudiobookshelf joins an address that ends with a slash and paths that begin with
// one. These are routes that it asks for; they arrive as if they had one slash.
func TestRequestsWithDoubledSlashes(t *testing.T) {
	t.Parallel()
	s, _, url, grant := signedIn(t, absfake.Config{})
	library, item := s.Library().ID, s.Library().Tracks()
	for _, path := range []string{
		"/status", "/api/me", "/api/libraries", "/api/libraries/" + library + "/items?limit=2&page=0&minified=1",
		"/api/libraries/" + library + "/authors", "/api/libraries/" + library + "/series?limit=2&page=0",
		"/api/libraries/" + library + "/collections?limit=2&page=0", "/api/libraries/" + library + "/playlists?limit=2&page=0",
		"/api/libraries/" + library + "/narrators", "/api/libraries/" + library + "/personalized",
		"/api/items/" + item.ID + "?expanded=1", "/api/me/items-in-progress", "/api/me/listening-sessions",
		"/api/authors/" + item.AuthorID + "?include=items",
	} {
		if code, body := playerAsks(t, http.MethodGet, url+"/"+path, "", "Authorization", "Bearer "+grant); code != 200 {
			t.Errorf("/%s: %d %.200s", path, code, body)
		}
	}
	if code, body := playerAsks(t, http.MethodPost, url+"//login", `{"username":"x","password":"`+grant+`"}`,
		"Content-Type", "application/json", "x-return-tokens", "true"); code != 200 || !strings.Contains(body, "refreshToken") {
		t.Errorf("//login: %d %.200s", code, body)
	}
	if code, body := playerAsks(t, http.MethodPost, url+"//api/authorize", "", "Authorization", "Bearer "+grant); code != 200 {
		t.Errorf("//api/authorize: %d %.200s", code, body)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return strings.Contains(e.Path, "//") }); n != 0 {
		t.Errorf("%d requests reached the server with a doubled slash", n)
	}
}
