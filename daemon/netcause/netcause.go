// Package netcause names the cause of a failed connection the same on every
// system. It exists because Windows has numbers of its own: there the errors
// that package syscall calls ECONNREFUSED and so on never happen. It never does
// I/O, and decides nothing about what follows from a cause.
package netcause

import (
	"errors"
	"runtime"
	"syscall"
)

// Cause is why a socket failed, as far as a person can act on it.
type Cause int

// The causes.
const (
	Unknown     Cause = iota
	Refused           // the machine answers, and nothing listens at the port
	Cut               // the connection was there, and was ended in the middle
	NoNetwork         // this machine has no way to the server's network
	Unreachable       // the network is there, and the server's machine does not answer
	TimedOut          // nothing came back
	InUse             // another program has the port
	Forbidden         // a firewall, or the system, does not allow it
)

// Of returns the cause of err, Unknown for an error that is no socket's.
func Of(err error) Cause { return in(codes, err) }

func in(table map[syscall.Errno]Cause, err error) Cause {
	var code syscall.Errno
	if !errors.As(err, &code) {
		return Unknown
	}
	return table[code]
}

// PortTaken reports whether a listen failed because another program has the port.
func PortTaken(err error) bool { return portTaken(Of(err), runtime.GOOS) }

// portTaken: Windows says that a port is forbidden when its holder shares it with
// nobody.
func portTaken(c Cause, system string) bool {
	return c == InUse || c == Forbidden && system == "windows"
}

// String says it in words for a person, "" for Unknown.
func (c Cause) String() string {
	switch c {
	case Refused:
		return "the connection was refused"
	case Cut:
		return "the connection was cut"
	case NoNetwork:
		return "the network is unreachable"
	case Unreachable:
		return "the server's machine cannot be reached: no route to host"
	case TimedOut:
		return "no answer within the deadline"
	case InUse:
		return "another program uses the port"
	case Forbidden:
		return "a firewall or the system forbids the connection"
	}
	return ""
}

// windowsCodes are the numbers of winsock2.h, and those of winerror.h that ConnectEx
// and overlapped calls give instead.
var windowsCodes = map[syscall.Errno]Cause{
	10013: Forbidden,   // WSAEACCES
	10048: InUse,       // WSAEADDRINUSE
	10050: NoNetwork,   // WSAENETDOWN
	10051: NoNetwork,   // WSAENETUNREACH
	10052: Cut,         // WSAENETRESET
	10053: Cut,         // WSAECONNABORTED
	10054: Cut,         // WSAECONNRESET
	10058: Cut,         // WSAESHUTDOWN
	10060: TimedOut,    // WSAETIMEDOUT
	10061: Refused,     // WSAECONNREFUSED
	10064: Unreachable, // WSAEHOSTDOWN
	10065: Unreachable, // WSAEHOSTUNREACH
	64:    Cut,         // ERROR_NETNAME_DELETED
	121:   TimedOut,    // ERROR_SEM_TIMEOUT
	1225:  Refused,     // ERROR_CONNECTION_REFUSED
	1231:  NoNetwork,   // ERROR_NETWORK_UNREACHABLE
	1232:  Unreachable, // ERROR_HOST_UNREACHABLE
	1233:  Unreachable, // ERROR_PROTOCOL_UNREACHABLE
	1234:  Refused,     // ERROR_PORT_UNREACHABLE
	1236:  Cut,         // ERROR_CONNECTION_ABORTED
}
