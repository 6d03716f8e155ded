package players

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Where the kernel does not describe sockets, the tables tell, the second one too, and
// rows that nobody holds or that are broken tell nothing.
func TestTablesTellWhereTheKernelDoesNot(t *testing.T) {
	dir := t.TempDir()
	row := func(from, to string, port, state, uid, inode int) string {
		return fmt.Sprintf("   0: %s:%04X %s:34BC %02X 00000000:00000000 00:00000000 00000000  %d        0 %d 1\n", from, port, to, state,
			uid, inode)
	}
	const one, mapped = "0100007F", "0000000000000000FFFF00000100007F"
	v4 := "  sl  local_address\nbroken\n" + row(one, one, 1000, 1, 7, 99) + row(one, one, 1001, 1, 0, 0) + row(one, one, 1002, listening, 7,
		99)
	v6 := "head\n" + row(mapped, mapped, 1003, 1, 8, 99)
	for name, text := range map[string]string{"tcp": v4, "tcp6": v6} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	real := tables
	tables = []string{filepath.Join(dir, "none"), filepath.Join(dir, "tcp"), filepath.Join(dir, "tcp6")}
	defer func() { tables = real }()
	for port, want := range map[uint16]Peer{1000: {7, true}, 1001: {}, 1002: {}, 1003: {8, true}, 1004: {}} {
		local := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
		uid, ok := users.find(local, netip.MustParseAddrPort("127.0.0.1:13500"), time.Now().Add(time.Minute))
		if got := (Peer{UID: uid, Known: ok}); got != want {
			t.Errorf("port %d: %+v, want %+v", port, got, want)
		}
	}
}
