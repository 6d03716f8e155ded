//go:build !linux

package players

import "net/netip"

func programOf(_, _ netip.AddrPort) (Holder, bool) { return Holder{}, false }
