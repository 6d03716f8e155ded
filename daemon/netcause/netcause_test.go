package netcause

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

// dial is err as a request returns it.
func dial(err error) error {
	return &url.Error{Op: "Get", URL: "http://x", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connectex", err)}}
}

// What Windows says is told apart, wherever the test runs.
func TestCausesOfWindows(t *testing.T) {
	for number, want := range map[syscall.Errno]Cause{
		10061: Refused, 1225: Refused, 10054: Cut, 10053: Cut, 64: Cut, 10051: NoNetwork, 10065: Unreachable, 1232: Unreachable,
		10060: TimedOut, 121: TimedOut, 10048: InUse, 10013: Forbidden, 2: Unknown, 10022: Unknown,
	} {
		if got := in(windowsCodes, dial(number)); got != want {
			t.Errorf("%d is %d, want %d", uintptr(number), got, want)
		}
	}
}

// Of goes by the numbers of the system that it runs on.
func TestCausesHere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if _, err := net.Listen("tcp", at); Of(err) != InUse {
		t.Errorf("a port in use: %v is %d", err, Of(err))
	}
	_ = l.Close()
	if _, err := net.Dial("tcp", at); Of(err) != Refused {
		t.Errorf("nobody listens: %v is %d", err, Of(err))
	}
	for _, err := range []error{nil, context.DeadlineExceeded, errors.New("x"), fs.ErrNotExist, fmt.Errorf("y: %w", net.ErrClosed)} {
		if got := Of(err); got != Unknown {
			t.Errorf("%v is %d", err, got)
		}
	}
}

func TestPortTaken(t *testing.T) {
	for _, c := range []struct {
		cause  Cause
		system string
		want   bool
	}{{InUse, "linux", true}, {InUse, "windows", true}, {Forbidden, "windows", true}, {Forbidden, "linux", false},
		{Refused, "windows", false}} {
		if got := portTaken(c.cause, c.system); got != c.want {
			t.Errorf("%v on %s: %v", c.cause, c.system, got)
		}
	}
}

// Every cause has words, and they are plain.
func TestWords(t *testing.T) {
	for c := Refused; c <= Forbidden; c++ {
		if c.String() == "" || strings.ContainsAny(c.String(), "_%") {
			t.Errorf("cause %d: %q", c, c)
		}
	}
	if Unknown.String() != "" {
		t.Error("an unknown cause has words")
	}
}
