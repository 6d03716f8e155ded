//go:build unix

package handover

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"shelfkeeper/daemon/redact"
)

// What is inherited is believed only where it is about this process, and only what
// it is said to be: a file that is no listening socket is closed.
func TestInherited(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket := func() int { // a descriptor of its own, as exec would leave it
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fd, err := unix.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	pipe := func(text string) int {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Dup(int(r.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	pid := os.Getpid()
	for _, c := range []struct {
		name, value string
		kept        int
		pass        string
		replaced    bool
	}{
		{"a socket and a passphrase", fmt.Sprintf("%d;%d;%d", pid, socket(), pipe("open me")), 1, "open me", true},
		{"no socket", fmt.Sprintf("%d;;", pid), 0, "", true},
		{"a passphrase alone", fmt.Sprintf("%d;;%d", pid, pipe("x")), 0, "x", true},
		{"a pipe in place of a socket", fmt.Sprintf("%d;%d;", pid, pipe("x")), 0, "", true},
		{"descriptors that are not open", fmt.Sprintf("%d;900,901;902", pid), 0, "", true},
		{"standard streams", fmt.Sprintf("%d;0,1,2;1", pid), 0, "", true},
		{"no numbers", fmt.Sprintf("%d;a,-1,,99999999999999999999;x", pid), 0, "", true},
		{"another process", fmt.Sprintf("%d;900;", pid+1), 0, "", false},
		{"nonsense", "1,2,3", 0, "", false},
		{"empty", "", 0, "", false},
	} {
		t.Setenv(variable, c.value)
		s, pass, replaced := Inherited()
		if len(s.Kept()) != c.kept || pass.Reveal() != c.pass || replaced != c.replaced {
			t.Errorf("%s: kept %v, passphrase %q, replaced %v", c.name, s.Kept(), pass.Reveal(), replaced)
		}
		if _, set := os.LookupEnv(variable); set {
			t.Errorf("%s: children would see the variable", c.name)
		}
		if err := s.Drop(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A program that cannot be run leaves everything as it was.
func TestReplaceByNothing(t *testing.T) {
	s := &Sockets{}
	l := listen(t, s, "127.0.0.1:0")
	s.Keep()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tooLong := redact.New(string(make([]byte, maxPassphrase+1)))
	for name, pass := range map[string]redact.Secret{"none": {}, "one": redact.New("p"), "too long": tooLong} {
		if err := s.Replace(t.TempDir()+"/nothing", []string{"x"}, nil, pass); err == nil {
			t.Fatalf("passphrase %s: no error", name)
		}
		if len(s.Kept()) != 1 {
			t.Fatalf("passphrase %s: kept %v", name, s.Kept())
		}
	}
	again := listen(t, s, l.Addr().String())
	flags, err := unix.FcntlInt(fdOf(t, again), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("children inherit the socket: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func fdOf(t *testing.T, l net.Listener) (fd uintptr) {
	t.Helper()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = raw.Control(func(n uintptr) { fd = n })
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
