package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

// realGateway is one of Debian's, with how its configuration asks for each thing. Every
// one listens with TLS and HTTP/2 at four ports: for a client certificate, for a
// password, for a header, and for what the port of forward authentication wants.
type realGateway struct {
	program string
	config  func(g gatewayPlace) string
	args    func(g gatewayPlace) []string
	// drop and limit change a configuration: these headers are taken out of requests, and
	// a connection that rests is cut after five seconds.
	drop  func(config string, headers []string) string
	limit func(config string) string
}

// gatewayPlace is what a configuration needs to know.
type gatewayPlace struct {
	dir                         string // with ca.pem, cert.pem, key.pem, both.pem, htpasswd
	abs, auth                   string // host:port of the server and of the authentication
	mtls, basic, header, asking int    // ports
	open                        int    // nothing is wanted
}

var realGateways = map[string]realGateway{
	"nginx": {"nginx", nginxConfig, func(g gatewayPlace) []string {
		return []string{"-p", g.dir, "-e", filepath.Join(g.dir, "error.log"), "-c", filepath.Join(g.dir, "config")}
	}, before("proxy_http_version", "proxy_set_header %s \"\";\n"), func(c string) string {
		return strings.Replace(c, "\nhttp {", "\nhttp {\nproxy_read_timeout 5s; proxy_send_timeout 5s; send_timeout 5s;", 1)
	}},
	"Caddy": {"caddy", caddyConfig, func(g gatewayPlace) []string {
		return []string{"run", "--adapter", "caddyfile", "--config", filepath.Join(g.dir, "config")}
	}, before("reverse_proxy", "request_header -%s\n\t"), func(c string) string {
		return regexp.MustCompile("reverse_proxy (.*)").ReplaceAllString(c,
			"reverse_proxy $1 {\n\t\ttransport http {\n\t\t\tread_timeout 5s\n\t\t}\n\t}")
	}},
	"HAProxy": {"haproxy", haproxyConfig, func(g gatewayPlace) []string { return []string{"-db", "-f", filepath.Join(g.dir, "config")} },
		before("option forwardfor", "http-request del-header %s\n\t"), func(c string) string {
			return strings.NewReplacer("timeout server 60s", "timeout server 5s", "timeout tunnel 1h", "timeout tunnel 5s").Replace(c)
		}},
	"Apache": {"apache2", apacheConfig, func(g gatewayPlace) []string {
		return []string{"-d", g.dir, "-f", filepath.Join(g.dir, "config"), "-DFOREGROUND"}
	}, before("RewriteEngine on", "RequestHeader unset %s\n\t"), func(c string) string {
		return strings.Replace(c, "ProxyPreserveHost on", "ProxyPreserveHost on\nProxyTimeout 5\nTimeout 5", 1)
	}},
}

// before returns a function that puts a line for each header before each place of a text.
func before(place, line string) func(string, []string) string {
	return func(config string, headers []string) string {
		lines := ""
		for _, name := range headers {
			lines += fmt.Sprintf(line, name)
		}
		return strings.ReplaceAll(config, place, lines+place)
	}
}

// Real gateways stand in front of the server, in a sub-folder, with an authority of
// their own. Sign-in, renewal, a player's request, a stream and the live socket all pass
// with what each of them wants, and none passes without.
func TestRealGateways(t *testing.T) {
	for name, gateway := range realGateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, ca := startGateway(t, gateway)
			cert := ca.clientCert(t)
			pem := ca.pem()
			for _, c := range []struct {
				desc    string
				port    int
				gateway upstream.GatewayChange
			}{
				{"client certificate", g.mtls, upstream.GatewayChange{CA: &pem, ClientCert: cert}},
				{"password, token in the address", g.basic, upstream.GatewayChange{Pin: &upstream.Pin{SHA256: ca.serverPrint},
					Basic: &upstream.Basic{User: "ann", Password: redact.New("p w:1"), Header: "Authorization"}}},
				{"header", g.header, upstream.GatewayChange{CA: &pem,
					Headers: []upstream.GatewayHeader{{Name: "X-Gate", Value: redact.New("hush")}}}},
				{"forward authentication", g.asking, upstream.GatewayChange{CA: &pem,
					Basic: &upstream.Basic{User: "ann", Password: redact.New("p w:1"), Header: "Proxy-Authorization"}}},
			} {
				if c.port != 0 {
					t.Run(c.desc, func(t *testing.T) { throughGateway(t, g, c.port, c.gateway) })
				}
			}
		})
	}
}

// throughGateway lives with an account behind the gateway at the port.
func throughGateway(t *testing.T, g *runningGateway, port int, change upstream.GatewayChange) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	h := testHome(t, newFake(t, absfake.Config{})) // its own server is not used
	h.Dial = (&net.Dialer{}).DialContext
	req := demoSignIn(fmt.Sprintf("https://localhost:%d/books", port))
	if _, err := h.SignIn(ctx, req); err == nil {
		t.Error("the gateway lets everybody pass")
	}
	req.Gateway = change
	answer, err := h.SignIn(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := h.Book.Get(answer.Account)
	sockets := g.fake.Ledger().SocketsOpened()
	s, err := (&Daemon{home: h}).newService(a, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Start(func() {})
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := g.fake.Ledger().Wait(ctx, func(l *absfake.Ledger) bool { return l.SocketsOpened() > sockets }); err != nil {
		t.Fatalf("the live socket: %v", err)
	}
	renewed := len(g.fake.Ledger().Rotations("demo"))
	if err := s.Session().Reauthenticate(ctx, false); err != nil {
		t.Errorf("renew: %v", err)
	}
	if n := len(g.fake.Ledger().Rotations("demo")); n != renewed+1 {
		t.Errorf("%d renewals, there were %d", n, renewed)
	}
	file := g.fake.Library().Large()
	target := fmt.Sprintf("%s/api/items/%s/file/%s", s.URL(), file.ID, file.Files[0].Ino)
	var parts [2][]byte
	for i, asked := range []string{"bytes=0-299999", "bytes=100000-199999"} {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		r.Header.Set("Range", asked)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[i], err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusPartialContent {
			t.Fatalf("stream: %s %v", resp.Status, err)
		}
	}
	if len(parts[0]) != 300000 || !bytes.Equal(parts[0][100000:200000], parts[1]) {
		t.Errorf("a stream of %d bytes, and a part of %d that differs", len(parts[0]), len(parts[1]))
	}
	speaksHTTP2(t, h, a)
	resp, err := http.Get(s.URL() + "/api/me")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"username":"demo"`)) {
		t.Errorf("a player's request: %s %v", resp.Status, err)
	}
}

// speaksHTTP2 looks which protocol the shared connections have.
func speaksHTTP2(t *testing.T, h *home.Home, a accounts.Account) {
	t.Helper()
	up, err := h.Reach(a)
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, up.Base().JoinPath("ping").String(), nil)
	resp, err := up.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
		t.Errorf("answered by %s: %s", resp.Proto, resp.Status)
	}
}

// forwardAuthentication answers as Authelia does for its endpoints of gateways: a
// password in Proxy-Authorization lets a program pass, and everybody else is sent to a
// page.
func forwardAuthentication(w http.ResponseWriter, r *http.Request) {
	r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
	if user, pass, _ := r.BasicAuth(); user != "ann" || pass != "p w:1" {
		w.Header().Set("Location", "https://auth.example/?rd="+url.QueryEscape(r.Header.Get("X-Original-Url"))+"&rm=GET")
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		ports = append(ports, freePort(t))
	}
	return ports
}
