//go:build !linux && !windows

package players

import "net/netip"

func processOf(_, _ netip.AddrPort) (Process, bool) { return Process{}, false }

func heldBy(_, _ netip.AddrPort, _ []Process) (Process, bool) { return Process{}, false }
