package players

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// When the kernel says that nobody holds the far end, the tables are not read: a
// crowd of connections that were left makes them long, and each reading slow.
func TestTablesAreNotReadForWhoIsGone(t *testing.T) {
	l := listen(t, "tcp4", "127.0.0.1:0")
	far, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	from, to := netip.MustParseAddrPort(far.LocalAddr().String()), netip.MustParseAddrPort(far.RemoteAddr().String())
	if uid, is := socketOwner(from, to); is != held || uid != os.Getuid() {
		t.Skipf("the kernel does not describe sockets here: %d, %v", uid, is)
	}
	table := filepath.Join(t.TempDir(), "tcp")
	row := fmt.Sprintf("   0: 0100007F:%04X 0100007F:%04X 01 00000000:00000000 00:00000000 00000000  4242        0 77777 1\n", from.Port(),
		to.Port())
	if err := os.WriteFile(table, []byte("  sl  local_address rem_address\n"+row), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, ok := connected([]byte("head\n"+row), from, to); !ok || s.uid != 4242 {
		t.Fatalf("the row is not read: %+v %v", s, ok)
	}
	real := tables
	tables = []string{table}
	defer func() { tables = real }()
	_ = far.Close() // it is orphaned now: no process holds it
	if p := PeerOf(near); p.Known {
		t.Errorf("closed: %+v", p)
	}
	if _, is := socketOwner(netip.MustParseAddrPort("127.0.0.1:1"), to); is != nobodys {
		t.Errorf("a socket that never was: %v", is)
	}
}

// A program that connects through an IPv6 socket to an IPv4 address is found.
func TestPeerThroughMappedAddress(t *testing.T) {
	l := listen(t, "tcp4", "127.0.0.1:0")
	port := l.Addr().(*net.TCPAddr).Port
	far, err := mappedDial(port)
	if err != nil {
		t.Skip(err)
	}
	defer far.Close()
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if p := PeerOf(near); !isSelf(p) {
		t.Errorf("%+v", p)
	}
}

func mappedDial(port int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "mapped")
	to := unix.SockaddrInet6{Port: port, Addr: [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}}
	if err := unix.Connect(fd, &to); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
