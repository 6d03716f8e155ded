package players

import (
	"net"
	"os"
)

// Process is a running program. A later one with the same number has another Start.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}

// Self returns the process that this program is. Its Start is 0 where the system does not
// tell it.
func Self() Process {
	start, _ := startOf(os.Getpid())
	return Process{os.Getpid(), start}
}

// Runs reports whether the process still runs. Where the system does not tell a process's
// start, a later one with its number passes for it.
func (p Process) Runs() bool {
	start, ok := startOf(p.PID)
	return ok && p.PID > 0 && start == p.Start
}

// ProcessOf returns the process at the far end of a TCP connection on this machine, as
// far as the system reports it. It reads the open files of every process on Linux, so
// call it rarely. On systems other than Linux and Windows no process is known.
func ProcessOf(conn net.Conn) (Process, bool) {
	far, ok := addrPort(conn.RemoteAddr())
	if !ok {
		return Process{}, false
	}
	near, ok := addrPort(conn.LocalAddr())
	if !ok {
		return Process{}, false
	}
	return processOf(far, near)
}

// HeldBy returns which of the processes is at the far end of a TCP connection on this
// machine. It costs far less than ProcessOf, and reports false for all others.
func HeldBy(conn net.Conn, some []Process) (Process, bool) {
	far, ok := addrPort(conn.RemoteAddr())
	if !ok || len(some) == 0 {
		return Process{}, false
	}
	near, ok := addrPort(conn.LocalAddr())
	if !ok {
		return Process{}, false
	}
	return heldBy(far, near, some)
}
