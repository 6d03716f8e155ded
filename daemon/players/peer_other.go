//go:build !linux && !windows

package players

import "net/netip"

func ownerOf(_, _ netip.AddrPort) Peer { return Peer{} }
