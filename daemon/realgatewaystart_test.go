package daemon

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// runningGateway is a gateway with the server behind it.
type runningGateway struct {
	gatewayPlace
	fake    *absfake.Server
	program string // its path
	gateway realGateway

	cmd   *exec.Cmd
	ended chan struct{} // closed when cmd has ended
	said  bytes.Buffer  // to be read then
}

// startGateway starts a gateway in front of a server in a sub-folder.
func startGateway(t *testing.T, gateway realGateway) (*runningGateway, *gatewayAuthority) {
	t.Helper()
	return startGatewayTo(t, gateway, absfake.Config{BasePath: "/books", Large: 8 << 20})
}

func startGatewayTo(t *testing.T, gateway realGateway, c absfake.Config) (*runningGateway, *gatewayAuthority) {
	t.Helper()
	program, err := exec.LookPath(gateway.program)
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/" + gateway.program) // where Debian puts servers
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", gateway.program)
		}
		t.Skipf("%s is not installed", gateway.program)
	}
	dir, err := os.MkdirTemp("", "gw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // Apache's workers are another user
		t.Fatal(err)
	}
	fake := newFake(t, c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	t.Cleanup(func() { _ = fake.Close(); <-served })
	auth := httptest.NewServer(http.HandlerFunc(forwardAuthentication))
	t.Cleanup(auth.Close)
	g := &runningGateway{fake: fake, program: program, gateway: gateway, gatewayPlace: gatewayPlace{dir: dir, abs: l.Addr().String(),
		auth: strings.TrimPrefix(auth.URL, "http://")}}
	ports := freePorts(t, 5)
	g.mtls, g.basic, g.header, g.asking, g.open = ports[0], ports[1], ports[2], ports[3], ports[4]
	if gateway.program != "nginx" {
		g.asking, g.open = 0, 0
	}
	ca := newGatewayAuthority(t, dir)
	sum := sha1.Sum([]byte("p w:1"))
	g.write(t, "htpasswd", "ann:{SHA}"+base64.StdEncoding.EncodeToString(sum[:])+"\n")
	g.write(t, "config", gateway.config(g.gatewayPlace))
	g.start(t)
	t.Cleanup(func() {
		g.stop()
		if t.Failed() {
			t.Log(g.said.String())
			if text, err := os.ReadFile(filepath.Join(dir, "error.log")); err == nil {
				t.Log(string(text))
			}
		}
	})
	return g, ca
}

func (g *runningGateway) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start runs the program and waits until it listens.
func (g *runningGateway) start(t *testing.T) {
	t.Helper()
	cmd, ended := exec.Command(g.program, g.gateway.args(g.gatewayPlace)...), make(chan struct{})
	cmd.Env = append(os.Environ(), "HOME="+g.dir, "XDG_DATA_HOME="+g.dir, "XDG_CONFIG_HOME="+g.dir)
	cmd.Stdout, cmd.Stderr = &g.said, &g.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(ended); _ = cmd.Wait() }()
	g.cmd, g.ended = cmd, ended
	for deadline := time.After(time.Minute); ; {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.header))
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", g.gateway.program, g.said.String())
		case <-deadline:
			t.Fatalf("%s does not listen: %v", g.gateway.program, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop asks the program to end, and waits for it. Apache gives its workers ten seconds.
func (g *runningGateway) stop() {
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.ended:
	case <-time.After(time.Minute):
		_ = g.cmd.Process.Kill()
		<-g.ended
	}
}

// restart gives the gateway another configuration at once: what was open is cut.
func (g *runningGateway) restart(t *testing.T, config string) {
	t.Helper()
	g.write(t, "config", config)
	if g.gateway.program == "caddy" { // it would wait for what is open
		_ = g.cmd.Process.Kill()
	}
	g.stop()
	g.start(t)
}
