package control

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/problem"
)

// exchange sends raw bytes and returns the answer, with its problem if it is one.
func exchange(t *testing.T, path, raw string) (*http.Response, problem.Problem) {
	t.Helper()
	conn, err := dialSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var p problem.Problem
	if resp.StatusCode != http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), jsonType) {
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
			t.Fatal(err)
		}
	}
	return resp, p
}

const goodHead = "Host: shelfkeeper.invalid\r\nShelfkeeper-Control: 1\r\n"

func get(head string) string { return "GET /v1/snapshot HTTP/1.1\r\n" + head + "\r\n" }

func post(head, body string) string {
	return fmt.Sprintf("POST /v1/quit HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

func TestGuards(t *testing.T) {
	d := newDouble()
	_, path, log := serve(t, d)
	for _, c := range []struct {
		desc string
		raw  string
		want int
	}{
		{"our own read", get(goodHead), 200},
		{"a later client's additional header", get(goodHead + "Shelfkeeper-Hint: x\r\n"), 200},
		{"another program of the user with a type parameter", post(goodHead+"Content-Type: application/json; charset=utf-8\r\n", "{}"), 200},

		{"rebound name", get("Host: evil.example\r\nShelfkeeper-Control: 1\r\n"), 403},
		{"relay's address", get("Host: 127.0.0.1:8080\r\nShelfkeeper-Control: 1\r\n"), 403},
		{"our name with a port", get("Host: shelfkeeper.invalid:80\r\nShelfkeeper-Control: 1\r\n"), 403},
		{"no name, as in HTTP/1.0", "GET /v1/snapshot HTTP/1.0\r\nShelfkeeper-Control: 1\r\n\r\n", 403},
		{"forward proxy", "GET http://shelfkeeper.invalid/v1/snapshot HTTP/1.1\r\n" + goodHead + "\r\n", 403},
		{"tunnel", "CONNECT shelfkeeper.invalid HTTP/1.1\r\n" + goodHead + "\r\n", 403},
		{"page's fetch", get(goodHead + "Origin: https://evil.example\r\n"), 403},
		{"opaque origin", get(goodHead + "Origin: null\r\n"), 403},
		{"empty origin", get(goodHead + "Origin:\r\n"), 403},
		{"origin that claims to be us", get(goodHead + "Origin: http://shelfkeeper.invalid\r\n"), 403},
		{"page's image", get(goodHead + "Referer: https://evil.example/\r\n"), 403},
		{"lower-case header", get(goodHead + "referer: x\r\n"), 403},
		{"browser without origin", get(goodHead + "Sec-Fetch-Site: none\r\n"), 403},
		{"browser's hints", get(goodHead + "sec-ch-ua: x\r\n"), 403},
		{"websocket", get(goodHead + "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"), 403},
		{"preflight", "OPTIONS /v1/quit HTTP/1.1\r\n" + goodHead + "Access-Control-Request-Headers: shelfkeeper-control\r\n\r\n", 403},
		{"cookies of the relay's host", get(goodHead + "Cookie: a=b\r\n"), 403},
		{"old browser", get(goodHead + "User-Agent: Mozilla/5.0 (X11)\r\n"), 403},
		{"reverse proxy, by X-Forwarded-For", get(goodHead + "X-Forwarded-For: 10.0.0.9\r\n"), 403},
		{"reverse proxy, by Forwarded", get(goodHead + "Forwarded: for=10.0.0.9\r\n"), 403},
		{"reverse proxy, by Via", get(goodHead + "Via: 1.1 x\r\n"), 403},
		{"reverse proxy, by X-Real-IP", get(goodHead + "X-Real-IP: 10.0.0.9\r\n"), 403},

		{"no version", get("Host: shelfkeeper.invalid\r\n"), 400},
		{"two versions", get(goodHead + "Shelfkeeper-Control: 1\r\n"), 400},
		{"no number", get("Host: shelfkeeper.invalid\r\nShelfkeeper-Control: one\r\n"), 400},
		{"version zero", get("Host: shelfkeeper.invalid\r\nShelfkeeper-Control: 0\r\n"), 400},
		{"newer version", get("Host: shelfkeeper.invalid\r\nShelfkeeper-Control: 2\r\n"), 400},

		{"form's post", post(goodHead+"Content-Type: application/x-www-form-urlencoded\r\n", "a=b"), 415},
		{"simple fetch's post", post(goodHead+"Content-Type: text/plain\r\n", "{}"), 415},
		{"post without a type", post(goodHead, "{}"), 415},

		{"unknown call", "GET /v1/secrets HTTP/1.1\r\n" + goodHead + "\r\n", 404},
		{"quit by GET", "GET /v1/quit HTTP/1.1\r\n" + goodHead + "\r\n", 404},
		{"path that a cleaner would mend", "GET //v1/../v1/snapshot HTTP/1.1\r\n" + goodHead + "\r\n", 404},
	} {
		t.Run(c.desc, func(t *testing.T) {
			resp, p := exchange(t, path, c.raw)
			if resp.StatusCode != c.want {
				t.Fatalf("got %s %+v, want %d", resp.Status, p, c.want)
			}
			if got := resp.Header.Get(versionHeader); got != "1" {
				t.Errorf("the answer's version is %q", got)
			}
			if c.want != 200 && (p.Text == "" || p.Code == problem.OK) {
				t.Errorf("no problem in the answer: %+v", p)
			}
			for name := range resp.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("answers a page: %s", name)
				}
			}
		})
	}
	if got := d.asked(); got != 1 {
		t.Errorf("%d quits, want the one allowed", got)
	}
	if n := strings.Count(log.String(), "control request refused"); n != 30 {
		t.Errorf("%d refusals logged, want 30", n)
	}
}

func TestPeers(t *testing.T) {
	for _, c := range []struct {
		desc string
		peer peer
		want int
		log  string
	}{
		{"ourselves", peer{user: currentUser()}, 200, ""},
		{"another user", peer{user: "S-1-5"}, 403, "uid=S-1-5"},
		{"the kernel would not say", peer{}, 403, "uid=unknown"},
		{"the system names no peers", peer{unsupported: true}, 200, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			path := socketPath(t)
			s, log := mustListen(t, path)
			s.peerOf = func(net.Conn) peer { return c.peer }
			run(t, s, newDouble())
			resp, _ := exchange(t, path, get(goodHead))
			if resp.StatusCode != c.want || !strings.Contains(log.String(), c.log) {
				t.Errorf("got %s, log %q", resp.Status, log)
			}
		})
	}
}

// What follows a wrong version must not depend on the path, which a newer
// client would take from its own version.
func TestNewerClientIsToldToRestartTheDaemon(t *testing.T) {
	_, path, _ := serve(t, newDouble())
	_, p := exchange(t, path, "GET /v2/anything HTTP/1.1\r\nHost: shelfkeeper.invalid\r\nShelfkeeper-Control: 2\r\n\r\n")
	if !strings.Contains(p.Remedy, fmt.Sprintf("end process %d", os.Getpid())) {
		t.Errorf("got %+v", p)
	}
}
