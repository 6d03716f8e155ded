package statuspage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"shelfkeeper/daemon/config"
)

// settings is a Disk that keeps what is set.
type settings struct {
	Disk
	given bool
	set   []string
	wrong string // a value that it refuses
}

func (d *settings) Setting(...string) ([]string, bool) { return nil, d.given }

func (d *settings) SetSetting(_ context.Context, key, values []string) error {
	if values[0] == d.wrong {
		return errors.New("that is where players reach an account")
	}
	d.set = append(d.set, fmt.Sprint(key, values))
	return nil
}

// listenAs listens at a port as another user does.
func listenAs(t *testing.T, uid int) (port int) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must be root here")
		}
		t.Skip("only root can listen as another user")
	}
	runtime.LockOSThread() // who makes a socket is whoever the thread is
	defer runtime.UnlockOSThread()
	was, err := unix.SetfsuidRetUid(uid)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if _, back := unix.SetfsuidRetUid(was); err != nil || back != nil {
		t.Fatal(err, back)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// The second user of a machine gets a port of its own for the page, which is kept;
// one that was chosen, or that a program of the same user has, stays.
func TestEachUserHasAPage(t *testing.T) {
	const nobody = 65534
	usual := listenAs(t, nobody)
	own := listenAs(t, os.Getuid())
	next := strconv.Itoa(usual + firstOther)
	for desc, c := range map[string]struct {
		usual int
		port  int
		disk  settings
		moves bool
	}{
		"another user has it":             {usual, usual, settings{}, true},
		"and an account has the next one": {usual, usual, settings{wrong: next}, true},
		"config.toml says so":             {usual, usual, settings{given: true}, false},
		"it was chosen":                   {own, usual, settings{}, false},
		"a program of the same user":      {own, own, settings{}, false},
		"nobody has it":                   {usual + firstOther, usual + firstOther, settings{}, false},
	} {
		t.Run(desc, func(t *testing.T) {
			cfg := Config{Options: Options{OwnUID: os.Getuid()}, Disk: &c.disk, Log: slog.New(slog.DiscardHandler),
				Config: config.Config{PagePort: c.port}}
			got := cfg.ownPort(c.usual)
			if moved := got != c.port; moved != c.moves {
				t.Fatalf("port %d, from %d", got, c.port)
			}
			if want := fmt.Sprint([]string{"page_port"}, []string{strconv.Itoa(got)}); c.moves && !slices.Equal(c.disk.set, []string{want}) {
				t.Errorf("kept %q", c.disk.set)
			}
			if c.moves && (got < usual+firstOther || strconv.Itoa(got) == c.disk.wrong) {
				t.Errorf("it is %d", got)
			}
		})
	}
}
