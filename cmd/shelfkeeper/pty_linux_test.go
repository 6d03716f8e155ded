package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// terminal is a pseudo terminal: what a person types goes into the master,
// and what they see comes out of it.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no pseudo terminal:", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

// atTerminal starts a program with all three streams at a terminal.
func (p *place) atTerminal(args ...string) (r *process, typing *os.File) {
	p.t.Helper()
	t := p.t.(*testing.T)
	master, slave := terminal(t)
	r = &process{place: p, cmd: exec.Command(binary, args...), stdout: newWatched(), stderr: newWatched(), ended: make(chan struct{})}
	r.cmd.Env, r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = p.env, slave, slave, slave
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			_, _ = r.stdout.Write(buf[:n])
			if err != nil { // EIO once nobody has the other end
				return
			}
		}
	}()
	go func() {
		_ = r.cmd.Wait()
		<-shown
		close(r.ended)
	}()
	t.Cleanup(func() { r.kill(); p.clean(args[0], r.stdout.text()) })
	return r, master
}

func (r *process) typeIn(master *os.File, text string) {
	r.place.t.Helper()
	if _, err := master.WriteString(text); err != nil {
		r.place.t.Fatal(err)
	}
}

// asked waits until the program asks for a secret and hides what is typed.
func (r *process) asked(prompt string, master *os.File) {
	r.place.t.Helper()
	r.until(r.stdout, prompt)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); echoes(r.place.t, master); {
		select {
		case <-tick.C:
		case <-deadline:
			r.place.t.Fatalf("what is typed after %q shows", prompt)
		}
	}
}

func TestPromptsWithoutEcho(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	p.secrets = append(p.secrets, password)
	p.env = append(p.env, "SHELFKEEPER_PASSPHRASE=") // asked for too
	r, master := p.atTerminal("login", s.url, "--store", "file")
	r.asked("Passphrase of the vault: ", master) // before a name and a password
	r.typeIn(master, passphrase+"\n")
	r.until(r.stdout, "User name: ")
	r.typeIn(master, user+"\n")
	r.asked("Password of alice: ", master)
	r.typeIn(master, password+"\n")
	if code := r.wait(); code != problem.OK {
		t.Fatalf("exit code %d\n%s", code, r.stdout.text())
	}
	said := r.stdout.text()
	if !strings.Contains(said, "User name: alice\r\n") || !strings.Contains(said, "Signed in to "+s.url) {
		t.Errorf("on the screen:\n%s", said)
	}
	if n := s.Ledger().PasswordLogins(user); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}

// A slip in the address is told before a name or a password is asked for.
func TestAddressBeforeTheQuestions(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r, _ := p.atTerminal("login", fmt.Sprintf("http://127.0.0.1:%d", freePort(t)))
	if code := r.wait(); code != problem.Unreachable || strings.Contains(r.stdout.text(), "User name") {
		t.Errorf("exit code %d\n%s", code, r.stdout.text())
	}
}

// Bare shelfkeeper at a terminal shows the status of the daemon that runs.
func TestBareAtATerminal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.daemon()
	r, _ := p.atTerminal("--control", p.socket())
	if code := r.wait(); code != problem.NeedsUser || !strings.Contains(r.stdout.text(), "no account yet") {
		t.Errorf("exit code %d\n%s", code, r.stdout.text())
	}
}

// Ctrl-C at the question leaves a terminal that shows what is typed again.
func TestInterruptedAtThePassword(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	r, master := p.atTerminal("login", s.url, "-u", user)
	r.asked("Password of alice: ", master)
	r.typeIn(master, "half a pass\x03")
	if code := r.wait(); code != problem.Interrupted || !strings.HasSuffix(r.stdout.text(), "shelfkeeper: interrupted\r\n") {
		t.Errorf("exit code %d\n%s", code, r.stdout.text())
	}
	if !echoes(t, master) {
		t.Error("the terminal is left without echo")
	}
	if n := len(s.Ledger().Logins(user)); n != 0 {
		t.Errorf("%d passwords were sent", n)
	}
}

func echoes(t testing.TB, terminal *os.File) bool {
	t.Helper()
	raw, err := terminal.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var settings *unix.Termios
	var failed error
	err = raw.Control(func(fd uintptr) { settings, failed = unix.IoctlGetTermios(int(fd), unix.TCGETS) })
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return settings.Lflag&unix.ECHO != 0
}

// A new password is asked for twice, and an empty one needs a yes.
func TestPasswordAtATerminal(t *testing.T) {
	t.Parallel()
	s := newServer(t, absfake.Config{Users: []absfake.User{{Name: "root", Password: password, Type: "root"}}})
	p := newPlace(t)
	p.ok(password+"\n", "login", s.url, "--username", "root", "--password-stdin", "--store", "file")
	change := func(first, second, answer string, code problem.Code, says string) {
		t.Helper()
		r, master := p.atTerminal("password")
		r.asked("Present password (empty: the stored one, if there is one): ", master)
		r.typeIn(master, "\n")
		r.asked("New password: ", master)
		r.typeIn(master, first+"\n")
		r.asked("New password again: ", master)
		r.typeIn(master, second+"\n")
		if answer != "" {
			r.until(r.stdout, "Go on? [y/N] ")
			r.typeIn(master, answer+"\n")
		}
		if got := r.wait(); got != code || !strings.Contains(r.stdout.text(), says) {
			t.Errorf("exit code %d\n%s", got, r.stdout.text())
		}
	}
	change("one", "two", "", problem.Usage, "the two new passwords differ")
	change("", "", "n", problem.Usage, "the password was not changed")
	change("", "", "y", problem.OK, "The password is changed")
	change("one", "one", "", problem.OK, "The password is changed")
}

// A person is asked before a sign-in takes the place of another server's
// account, and nothing happens without a yes.
func TestAskedBeforeReplacing(t *testing.T) {
	t.Parallel()
	s, other, p := newServer(t, absfake.Config{}), newServer(t, absfake.Config{}), newPlace(t)
	p.login(s)
	for _, answer := range []string{"", "no", "y"} {
		r, master := p.atTerminal("login", other.url, "-u", user, "--account", "127-0-0-1-alice")
		r.until(r.stdout, "the old one is signed out. Go on? [y/N] ")
		r.typeIn(master, answer+"\n")
		if answer != "y" {
			if code := r.wait(); code != problem.Usage || !strings.Contains(r.stdout.text(), "nothing was changed") {
				t.Errorf("after %q: exit code %d\n%s", answer, code, r.stdout.text())
			}
			continue
		}
		r.asked("Password of alice: ", master)
		r.typeIn(master, password+"\n")
		if code := r.wait(); code != problem.OK {
			t.Errorf("exit code %d\n%s", code, r.stdout.text())
		}
	}
	if a, b := len(s.Ledger().Logins(user)), len(other.Ledger().Logins(user)); a != 1 || b != 1 {
		t.Errorf("the password was sent %d and %d times", a, b)
	}
	if n := s.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); n != 1 {
		t.Errorf("%d sessions were ended on the first server", n)
	}
}
