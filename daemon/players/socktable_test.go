package players

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
)

// recorded returns a table as a little-endian Linux prints it.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the recorded tables are of a little-endian machine")
	}
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConnected(t *testing.T) {
	us := "127.0.0.1:13379"
	for _, c := range []struct {
		desc, table, far, near string
		uid                    int // -1: none
	}{
		{"the player's end, not ours", "tcp", "127.0.0.1:49153", us, 1001},
		{"no process holds it: not root", "tcp", "127.0.0.1:49154", us, -1},
		{"half closed", "tcp", "127.0.0.1:49155", us, 1002},
		{"other loopback address", "tcp", "127.0.0.2:49153", us, 1003},
		{"other port of ours", "tcp", "127.0.0.1:49153", "127.0.0.1:13380", -1},
		{"not there", "tcp", "127.0.0.1:50000", us, -1},
		{"never the listener", "tcp", "127.0.0.1:13379", "0.0.0.0:0", -1},
		{"IPv4 through an IPv6 socket", "tcp6", "127.0.0.1:49156", us, 1005},
		{"IPv6", "tcp6", "[::1]:49157", "[::1]:13379", 1006},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s, ok := connected(recorded(t, c.table), netip.MustParseAddrPort(c.far), netip.MustParseAddrPort(c.near))
			if ok != (c.uid >= 0) || ok && s.uid != c.uid {
				t.Errorf("got %+v, %v", s, ok)
			}
		})
	}
}

func TestListener(t *testing.T) {
	for _, c := range []struct {
		table, addr string
		inode       uint64 // 0: none
	}{
		{"tcp", "127.0.0.1:13379", 40001},
		{"tcp", "0.0.0.0:13379", 40001},
		{"tcp", "127.0.0.1:22", 637},
		{"tcp", "127.0.0.2:13379", 0},
		{"tcp", "127.0.0.1:49153", 0},
		{"tcp6", "127.0.0.1:8080", 50000},
	} {
		s, ok := listener(recorded(t, c.table), netip.MustParseAddrPort(c.addr))
		if ok != (c.inode > 0) || s.inode != c.inode {
			t.Errorf("%s in %s: got %+v, %v", c.addr, c.table, s, ok)
		}
	}
}

func FuzzParseSocket(f *testing.F) {
	for _, name := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		sockets(b, func(socket) bool { return true })
		f.Add(b)
	}
	f.Add([]byte("0: 0100007F:3443 0100007F:C001 01 0 0 0 4294967295 0 1"))
	f.Add([]byte("0: 0100007F:3443 0100007F:C001 1FF 0 0 0 1 0 1"))
	f.Fuzz(func(t *testing.T, table []byte) {
		sockets(table, func(s socket) bool {
			if !s.local.IsValid() || !s.remote.IsValid() || s.uid < 0 || s.local.Addr().Is4In6() || s.remote.Addr().Is4In6() {
				t.Errorf("row %+v", s)
			}
			return true
		})
	})
}
