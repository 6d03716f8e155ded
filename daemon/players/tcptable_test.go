package players

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// tableRow is a row as Windows writes it.
type tableRow struct {
	local, remote string
	state, pid    uint32
}

func tableOf(v6 bool, rows ...tableRow) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(rows)))
	addr := func(s string) []byte {
		a := netip.MustParseAddrPort(s)
		if v6 {
			raw := a.Addr().As16()
			return raw[:]
		}
		raw := a.Addr().As4()
		return raw[:]
	}
	port := func(s string) []byte {
		p := binary.BigEndian.AppendUint16(nil, netip.MustParseAddrPort(s).Port())
		return append(p, 0xde, 0xad) // of the upper bytes nobody says what they are
	}
	for _, r := range rows {
		if v6 {
			for _, s := range []string{r.local, r.remote} {
				out = append(append(append(out, addr(s)...), 7, 0, 0, 0), port(s)...)
			}
			out = binary.LittleEndian.AppendUint32(out, r.state)
		} else {
			out = binary.LittleEndian.AppendUint32(out, r.state)
			for _, s := range []string{r.local, r.remote} {
				out = append(append(out, addr(s)...), port(s)...)
			}
		}
		out = binary.LittleEndian.AppendUint32(out, r.pid)
	}
	return out
}

func TestProcessIn(t *testing.T) {
	const us = "127.0.0.1:13379"
	four := []tableRow{
		{us, "127.0.0.1:49153", 5, 100},   // our own end
		{us, "0.0.0.0:0", mibListen, 100}, // our listener
		{"127.0.0.1:49153", us, 5, 812},
		{"127.0.0.1:49154", us, 11, 0}, // TIME_WAIT: nobody's
		{"127.0.0.2:49153", us, 5, 900},
	}
	six := []tableRow{
		{"[::ffff:127.0.0.1]:49156", "[::ffff:127.0.0.1]:13379", 5, 813},
		{"[::1]:49157", "[::1]:13379", 8, 814},
	}
	for _, c := range []struct {
		desc, far, near string
		v6              bool
		pid             int // 0: none
	}{
		{"the player's end, not ours", "127.0.0.1:49153", us, false, 812},
		{"nobody's", "127.0.0.1:49154", us, false, 0},
		{"other loopback address", "127.0.0.2:49153", us, false, 900},
		{"other port of ours", "127.0.0.1:49153", "127.0.0.1:13380", false, 0},
		{"never the listener", us, "0.0.0.0:0", false, 0},
		{"IPv4 through an IPv6 socket", "127.0.0.1:49156", us, true, 813},
		{"IPv6, half closed", "[::1]:49157", "[::1]:13379", true, 814},
	} {
		rows := four
		if c.v6 {
			rows = six
		}
		pid, ok := processIn(tableOf(c.v6, rows...), c.v6, netip.MustParseAddrPort(c.far), netip.MustParseAddrPort(c.near))
		if ok != (c.pid > 0) || pid != c.pid {
			t.Errorf("%s: %d, %v", c.desc, pid, ok)
		}
	}
}

func FuzzProcessIn(f *testing.F) {
	f.Add(tableOf(false, tableRow{"127.0.0.1:1", "127.0.0.1:2", 5, 3}), false)
	f.Add(tableOf(true, tableRow{"[::1]:1", "[::1]:2", 5, 3}), true)
	f.Add([]byte{255, 255, 255, 255, 1}, true)
	from, to := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")
	f.Fuzz(func(t *testing.T, table []byte, v6 bool) {
		if pid, ok := processIn(table, v6, from, to); ok != (pid != 0) {
			t.Errorf("%d, %v", pid, ok)
		}
	})
}
