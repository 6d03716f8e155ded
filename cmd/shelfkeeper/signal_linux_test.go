package main

import (
	"os"
	"syscall"
	"testing"
	"time"

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

// A SIGTERM waits for the answer of a renewal under way, and for its write: the server
// has replaced the token, and this one repeats no answer.
func TestTerminatedDuringARenewal(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{Release: absfake.R2332}), newPlace(t)
	p.login(s)
	d := p.daemon()
	p.until("the session is fresh", fresh)
	s.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", After: 2 * time.Second, Times: 1})
	asked := p.start("reauth")
	for began := time.Now(); len(s.Ledger().Rotations(user)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("nothing is renewed")
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := d.wait(); code != problem.OK {
		t.Errorf("the daemon ended with %d", code)
	}
	asked.wait()
	p.daemon()
	p.until("it starts again", fresh)
	p.ok("", "reauth")
	if n := s.Ledger().PasswordLogins(user); n != 1 {
		t.Errorf("the password was sent %d times: the session was lost", n)
	}
}
