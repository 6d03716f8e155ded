package players

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// dialVar makes the test binary a player: it connects to the address in it,
// says so on standard output and stays until standard input ends.
const dialVar = "PLAYERS_TEST_DIAL"

func TestMain(m *testing.M) {
	if addr := os.Getenv(dialVar); addr != "" {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("connected\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = conn.Close()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// linuxOnly skips where the system has no socket tables to read.
func linuxOnly(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the peer's user is told on Linux only")
	}
}

func listen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Skipf("no %s here: %v", addr, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestPeerIsOurselves(t *testing.T) {
	linuxOnly(t)
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := listen(t, "tcp", addr)
		far, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		near, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if p := PeerOf(near); !isSelf(p) || p.UID != os.Getuid() {
			t.Errorf("%s: peer %+v", addr, p)
		}
		_ = near.Close()
		_ = far.Close()
	}
}

func TestPeerUnknown(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if p := PeerOf(a); p.Known || isSelf(p) {
		t.Errorf("a pipe has peer %+v", p)
	}
	if isSelf(Peer{UID: os.Getuid()}) {
		t.Error("an unknown peer is nobody")
	}
}

// A connection whose far end is closed has no owner any more, above all not
// user 0.
func TestPeerGone(t *testing.T) {
	linuxOnly(t)
	l := listen(t, "tcp", "127.0.0.1:0")
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	_ = far.Close()
	if _, err := near.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	if p := PeerOf(near); p.Known {
		t.Errorf("peer %+v", p)
	}
}

func TestPeerIsAnotherUser(t *testing.T) {
	linuxOnly(t)
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must run this as root: it starts a program of another user")
		}
		t.Skip("needs root, to start a program of another user")
	}
	const other = 12345
	l := listen(t, "tcp", "127.0.0.1:0")
	cmd := exec.CommandContext(context.Background(), "/proc/self/exe")
	cmd.Env = []string{dialVar + "=" + l.Addr().String()}
	asUser(cmd, other)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer in.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "connected\n" {
		t.Fatalf("child: %q, %v", line, err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if p := PeerOf(near); p != (Peer{UID: other, Known: true}) || isSelf(p) {
		t.Errorf("peer %+v", p)
	}
}

func TestHolderOf(t *testing.T) {
	linuxOnly(t)
	l := listen(t, "tcp", "127.0.0.1:0")
	addr := netip.MustParseAddrPort(l.Addr().String())
	h, ok := HolderOf(addr)
	if !ok || h.PID != os.Getpid() || h.UID != os.Getuid() || !strings.HasPrefix(h.Program, "players") {
		t.Errorf("holder %+v, %v", h, ok)
	}
	_ = l.Close()
	if h, ok := HolderOf(addr); ok {
		t.Errorf("holder of a free port: %+v", h)
	}
	if got := (Holder{UID: 7}).String(); got != "a program of user 7" {
		t.Error(got)
	}
	if got := (Holder{PID: 812, Program: "mpd"}).String(); got != "mpd (process 812)" {
		t.Error(got)
	}
}

// isSelf reports whether p is certainly the user who runs this process.
func isSelf(p Peer) bool { return p.Known && p.UID == os.Getuid() }

func TestProcessOf(t *testing.T) {
	linuxOnly(t)
	l := listen(t, "tcp", "127.0.0.1:0")
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	p, ok := ProcessOf(near)
	if !ok || p.PID != os.Getpid() || p.Start == 0 {
		t.Fatalf("%+v %v", p, ok)
	}
	if got, ok := HeldBy(near, []Process{{1, 2}, p}); !ok || got != p {
		t.Errorf("%+v %v", got, ok)
	}
	// The number after p.PID may be one of its threads, which /proc answers for as well.
	for _, some := range [][]Process{nil, {{p.PID, p.Start + 1}}, {{os.Getppid(), p.Start}}, {{1, p.Start}}} {
		if got, ok := HeldBy(near, some); ok {
			t.Errorf("%v: %+v", some, got)
		}
	}
}
