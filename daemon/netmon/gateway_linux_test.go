package netmon

import (
	"encoding/binary"
	"testing"
)

func TestGateway(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the table below was written by a little-endian machine")
	}
	const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0100010A	0003	0	0	600	00000000	0	0	0
eth0	00000000	0100020A	0003	0	0	100	00000000	0	0	0
eth0	0000020A	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
	if addr, link := gateway4(table); addr.String() != "10.2.0.1" || link != "eth0" {
		t.Errorf("%v %s", addr, link)
	}
	const table6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001    wlan0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000003 00000000 00450003    wlan0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`
	if addr, link := gateway6(table6); addr.String() != "fe80::1" || link != "wlan0" {
		t.Errorf("%v %s", addr, link)
	}
	for _, junk := range []string{"", "\n", "x", "a 00000000 zz 3 0 0 q 00000000", "a 00000000 01 3 0 0 1 00000000"} {
		if addr, link := gateway4(junk); addr.IsValid() || link != "" {
			t.Errorf("%q: %v %s", junk, addr, link)
		}
		if addr, link := gateway6(junk); addr.IsValid() || link != "" {
			t.Errorf("%q: %v %s", junk, addr, link)
		}
	}
}
