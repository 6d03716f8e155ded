package control

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"shelfkeeper/daemon/problem"
)

// A daemon that hangs until its queue is full refuses connections with EAGAIN,
// which must not pass for nobody.
func TestFullQueueIsSomebody(t *testing.T) {
	path := socketPath(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, unix.EAGAIN) {
			wantRefused(t, path, ErrRunning, problem.Running)
			if err := Dial(path).Ping(t.Context()); err == nil || errors.Is(err, ErrNoDaemon) {
				t.Errorf("client: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	t.Fatal("the queue takes everybody")
}
