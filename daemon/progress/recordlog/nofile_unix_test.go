//go:build unix

package recordlog

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What is no file has the name of one of the log's files: nothing waits for it, and
// it is told. A pipe would keep whoever opens it waiting for ever.
func TestNoFileHasTheName(t *testing.T) {
	for _, ending := range []string{"", ".lock", ".length"} {
		for desc, make := range map[string]func(string) error{
			"a pipe":   func(name string) error { return syscall.Mkfifo(name, 0o600) },
			"a folder": func(name string) error { return os.Mkdir(name, 0o700) },
			"a socket": func(name string) error {
				l, err := net.Listen("unix", name)
				if err == nil {
					t.Cleanup(func() { _ = l.Close() })
				}
				return err
			},
			"a link to a device": func(name string) error { return os.Symlink("/dev/null", name) },
		} {
			dir, err := os.MkdirTemp("", "log") // short enough for a socket
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			path := filepath.Join(dir, "a.log")
			write(t, path, sample())
			if err := errors.Join(os.RemoveAll(path+ending), make(path+ending)); err != nil {
				t.Fatal(err)
			}
			l, f, err := Open(path, func([]byte, int) error { return nil })
			if ending == ".length" { // it tells nothing, and is not needed
				if err != nil || f.Records != len(sample()) || f.Damaged != "" {
					t.Errorf("%s as %q: %+v %v", desc, ending, f, err)
					continue
				}
				if err := errors.Join(l.Append([]byte("x")), l.Rewrite(records(sample())), l.Remove()); err != nil {
					t.Errorf("%s as %q: %v", desc, ending, err)
				}
				continue
			}
			if !errors.Is(err, ErrNoFile) {
				t.Errorf("%s as %q: %v", desc, ending, err)
			}
		}
	}
}
