//go:build !linux

package players

import "net/netip"

func holderOf(netip.AddrPort) (Holder, bool) { return Holder{}, false }
