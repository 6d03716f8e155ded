//go:build linux

package keyringtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// process is a program that the test's end kills.
type process struct {
	cmd  *exec.Cmd
	once sync.Once
}

// start runs a program with the given standard input. When its arguments name
// descriptor 3, it returns the first line the program writes there.
func start(t testing.TB, env []string, stdin string, name string, args ...string) (*process, string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(name)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log // a file, so that no goroutine copies
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = in
	var said *os.File
	if slices.ContainsFunc(args, func(a string) bool { return a == "3" || strings.HasSuffix(a, "=3") }) {
		var w *os.File
		if said, w, err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = []*os.File{w}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			if text, err := os.ReadFile(log.Name()); err == nil && len(text) > 0 {
				t.Logf("%s said:\n%s", name, text)
			}
		}
		_ = log.Close()
	})
	_ = in.Close()
	if _, err := out.WriteString(stdin); err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	if said == nil {
		return p, ""
	}
	_ = cmd.ExtraFiles[0].Close()
	defer said.Close()
	if err := said.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not come up: %v", name, err)
	}
	return p, strings.TrimSpace(line)
}

// kill kills the program's process group and waits for it.
func (p *process) kill() {
	p.once.Do(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		_ = p.cmd.Wait()
	})
}

// with runs f with a connection to the bus of its own.
func (k *Keyring) with(f func(context.Context, *dbus.Conn)) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := dbus.Connect(k.address, dbus.WithContext(ctx))
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	f(ctx, c)
}

// until waits for a condition on the bus.
func (k *Keyring) until(what string, f func(context.Context, *dbus.Conn) bool) {
	k.t.Helper()
	k.with(func(ctx context.Context, c *dbus.Conn) {
		k.t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for !f(ctx, c) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				k.t.Fatalf("waited %s until %s", patience, what)
			}
		}
	})
}
