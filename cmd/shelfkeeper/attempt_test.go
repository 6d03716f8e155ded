package main

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// attempt is a command line with what it finds.
type attempt struct {
	stdin string
	args  []string
	// after looks at what is left, where the exit code is not all.
	after func()
}

func command(args ...string) func(*testing.T, *place) attempt {
	return func(*testing.T, *place) attempt { return attempt{args: args} }
}

// signIn is a sign-in with the right password unless another is given.
func signIn(url string, more ...string) attempt {
	args := append([]string{"login", url, "--username", user, "--password-stdin", "--store", "file"}, more...)
	return attempt{stdin: password + "\n", args: args}
}

// untouched is a command that finds a file it must leave byte for byte.
func untouched(t *testing.T, p *place, path, text string, args ...string) attempt {
	p.write(path, text)
	return attempt{stdin: password, args: args, after: func() {
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("%s is now %q, %v", path, now, err)
		}
	}}
}

// taken has another program, this one, listen on the port.
func taken(t *testing.T, port int) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}
