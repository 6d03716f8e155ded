//go:build !linux

package netmon

import "net/netip"

// gateway is unknown here; the source address alone identifies a route.
func gateway(bool) (netip.Addr, string) { return netip.Addr{}, "" }
