package desktop

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/keychain/keyringtest"
)

// systemBus starts a bus that takes the place of the system's.
func systemBus(t *testing.T) *dbus.Conn {
	t.Helper()
	keyringtest.Need(t, "dbus-daemon")
	daemon := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address")
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", strings.TrimSpace(address))
	conn, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// logind hands out locks and tells when the last holder let go.
type logind struct {
	asked chan []string
	freed chan struct{}

	goingDown bool
}

func (l *logind) Inhibit(what, who, why, mode string) (dbus.UnixFD, *dbus.Error) {
	if l.goingDown {
		return 0, dbus.NewError(inProgress, []any{"The operation inhibition has been requested for is already running"})
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	go func() {
		defer func() { _ = read.Close() }()
		_, _ = read.Read(make([]byte, 1)) // ends when every copy of write is closed
		close(l.freed)
	}()
	l.asked <- []string{what, who, why, mode}
	fd := dbus.UnixFD(write.Fd())
	time.AfterFunc(100*time.Millisecond, func() { _ = write.Close() }) // the message carries a copy
	return fd, nil
}

func TestStayAwakeHoldsUntilDone(t *testing.T) {
	bus := systemBus(t)
	l := &logind{asked: make(chan []string, 1), freed: make(chan struct{})}
	if err := bus.Export(l, "/org/freedesktop/login1", "org.freedesktop.login1.Manager"); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.RequestName("org.freedesktop.login1", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done, err := StayAwake(ctx, "a session is being renewed")
	if err != nil {
		t.Fatal(err)
	}
	cancel() // the lock outlives the question
	if got := strings.Join(<-l.asked, "|"); got != "sleep:shutdown|Shelfkeeper|a session is being renewed|delay" {
		t.Errorf("asked for %s", got)
	}
	select {
	case <-l.freed:
		t.Fatal("let go before done")
	case <-time.After(300 * time.Millisecond):
	}
	done()
	select {
	case <-l.freed:
	case <-time.After(time.Minute):
		t.Fatal("never let go")
	}
}

// A suspend that was announced before cannot be delayed any more.
func TestStayAwakeOnAMachineThatIsGoingDown(t *testing.T) {
	bus := systemBus(t)
	if err := bus.Export(&logind{goingDown: true}, "/org/freedesktop/login1", "org.freedesktop.login1.Manager"); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.RequestName("org.freedesktop.login1", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	done, err := StayAwake(t.Context(), "x")
	if !errors.Is(err, ErrGoingDown) {
		t.Errorf("got %v", err)
	}
	done()
}

// Without logind, without a bus, with a bus that does not answer: an error, soon.
func TestStayAwakeWithoutLogind(t *testing.T) {
	systemBus(t)
	done, err := StayAwake(t.Context(), "x")
	if err == nil {
		t.Error("nobody was there")
	}
	done()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	if done, err = StayAwake(t.Context(), "x"); err == nil {
		t.Error("no bus was there")
	}
	done()
}
