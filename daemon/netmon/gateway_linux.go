package netmon

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// gateway returns the gateway of the main table's default route. Another gateway
// means another network, even when our address is the same.
func gateway(v6 bool) (netip.Addr, string) {
	if v6 {
		table, _ := os.ReadFile("/proc/net/ipv6_route") // an unreadable table has no gateway
		return gateway6(string(table))
	}
	table, _ := os.ReadFile("/proc/net/route")
	return gateway4(string(table))
}

// gateway4 reads /proc/net/route: interface, destination, gateway, flags, two
// counters, metric, mask; numbers in hexadecimal, addresses in the order of
// the machine's bytes.
func gateway4(table string) (addr netip.Addr, link string) {
	best := uint64(1 << 63)
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		raw, err := hex.DecodeString(f[2])
		metric, err2 := strconv.ParseUint(f[6], 10, 32)
		if err != nil || err2 != nil || len(raw) != 4 || metric >= best {
			continue
		}
		if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
			slices.Reverse(raw)
		}
		best, link = metric, f[0]
		addr, _ = netip.AddrFromSlice(raw)
	}
	return addr, link
}

// gateway6 reads /proc/net/ipv6_route: destination and its length, source and
// its length, next hop, metric, two counters, flags, interface; all in
// hexadecimal. The catch-all route that
// rejects packets is on lo.
func gateway6(table string) (addr netip.Addr, link string) {
	best := uint64(1 << 63)
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || f[1] != "00" || f[9] == "lo" || strings.Trim(f[0], "0") != "" {
			continue
		}
		raw, err := hex.DecodeString(f[4])
		metric, err2 := strconv.ParseUint(f[5], 16, 32)
		if err != nil || err2 != nil || len(raw) != 16 || metric >= best {
			continue
		}
		best, link = metric, f[9]
		addr, _ = netip.AddrFromSlice(raw)
	}
	return addr, link
}
