//go:build !linux

package netmon

import "net/netip"

// gateway: the source address has to do.
func gateway(bool) (netip.Addr, string) { return netip.Addr{}, "" }
