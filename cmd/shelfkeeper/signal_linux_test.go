package main

import (
	"os"
	"syscall"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// Ctrl-C and a session manager's SIGTERM are how programs are meant to end.
func TestEndedBySignals(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	d := p.daemon()
	p.until("the session is fresh", fresh)
	watch := p.start("status", "--watch", "--json")
	watch.until(watch.stdout, "\n")
	demo, _ := p.demo()
	for _, c := range []struct {
		desc    string
		program *process
		by      os.Signal
	}{{"status --watch", watch, os.Interrupt}, {"the daemon", d, syscall.SIGTERM}, {"the demonstration", demo, os.Interrupt}} {
		if err := c.program.cmd.Process.Signal(c.by); err != nil {
			t.Fatal(err)
		}
		if code := c.program.wait(); code != problem.OK {
			t.Errorf("%s ended by %v with %d", c.desc, c.by, code)
		}
	}
	if c := demo.counted(); c.PasswordLogins != 1 {
		t.Errorf("counted %+v", c)
	}
	if _, err := os.Stat(p.socket()); err == nil {
		t.Error("the daemon left its socket behind")
	}
	p.daemon()
	p.until("it starts again", fresh)
}
