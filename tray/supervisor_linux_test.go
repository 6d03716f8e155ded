package tray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
)

// supervise keeps this test program as a child, in a session with a display or
// with what env says.
func supervise(t *testing.T, kind string, env ...string) (*Supervisor, *lines, *lines) {
	t.Helper()
	for _, v := range []string{"DISPLAY", "WAYLAND_DISPLAY", busVariable, "XDG_RUNTIME_DIR", "XDG_CURRENT_DESKTOP"} {
		t.Setenv(v, "")
	}
	t.Setenv(childEnv, kind)
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	out, log := &lines{}, &lines{}
	s := Supervise(SupervisorConfig{
		Argv:   []string{"/proc/self/exe"},
		Stderr: out,
		Log:    slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log:\n%s\nchild:\n%s", log, out)
		}
	})
	return s, out, log
}

// another waits for a child that is not old.
func another(t testing.TB, s *Supervisor, old int) int {
	t.Helper()
	eventually(t, "a child", func() error {
		if pid := childOf(s); pid == 0 || pid == old {
			return fmt.Errorf("pid %d after %d", pid, old)
		}
		return nil
	})
	return childOf(s)
}

// hurry ends the present or the next pause.
func (s *Supervisor) hurry() {
	select {
	case s.skip <- struct{}{}:
	default:
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// gone returns nil when no process has the id, or only a dead one whose parent
// has not looked yet.
func gone(pid int) func() error {
	return func() error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return nil
		}
		return fmt.Errorf("process %d lives", pid)
	}
}

func TestCloseEndsTheChild(t *testing.T) {
	s, _, _ := supervise(t, "idle", "DISPLAY=:9")
	pid := another(t, s, 0)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if alive(pid) || childOf(s) != 0 {
		t.Error("the child outlived Close")
	}
}

func TestCloseKillsWhatDoesNotEnd(t *testing.T) {
	dir := shortDir(t)
	mark := filepath.Join(dir, "pid")
	t.Setenv("DISPLAY", ":9")
	s := Supervise(SupervisorConfig{
		// A shell that ignores SIGTERM, as does what it starts.
		Argv: []string{"/bin/sh", "-c", `trap "" TERM; sleep 600 & echo $! >` + mark + `.new; mv ` + mark + `.new ` + mark + `; wait`},
		Log:  slog.New(slog.DiscardHandler),
	})
	var grandchild int
	eventually(t, "the grandchild", func() error {
		b, err := os.ReadFile(mark)
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(string(b), &grandchild)
		return err
	})
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("Close took %v", took)
	}
	eventually(t, "the group is gone", gone(grandchild))
}

func TestTwentyKills(t *testing.T) {
	s, _, log := supervise(t, "idle", "DISPLAY=:9")
	pid := 0
	for range 20 {
		pid = another(t, s, pid)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// The pause between starts is for children that die by themselves, and
		// has its own test.
		s.hurry()
	}
	pid = another(t, s, pid)
	if !alive(pid) {
		t.Error("no child after twenty kills")
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want one for the row", n)
	}
}

func TestChildThatFailsIsStartedEverLessOften(t *testing.T) {
	s, _, log := supervise(t, "fail", "DISPLAY=:9")
	eventually(t, "five starts", func() error {
		if n := strings.Count(log.String(), "tray started"); n < 5 {
			return fmt.Errorf("%d starts", n)
		}
		return nil
	})
	_ = s.Close()
	var pauses []time.Duration
	for line := range strings.Lines(log.String()) {
		if _, in, ok := strings.Cut(line, " in="); ok {
			d, err := time.ParseDuration(strings.TrimSpace(in))
			if err != nil {
				t.Fatal(err)
			}
			pauses = append(pauses, d)
		}
	}
	// Chance takes up to half of a pause away, and the fourth is 3.4 times the first.
	if len(pauses) < 4 || pauses[3] < firstRestart*3/2 {
		t.Errorf("pauses %v do not grow", pauses)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	log := &lines{}
	t.Setenv("DISPLAY", ":9")
	s := Supervise(SupervisorConfig{Argv: []string{"/nonexistent/shelfkeeper"}, Log: slog.New(slog.NewTextHandler(log, nil))})
	eventually(t, "it says so", func() error {
		if !strings.Contains(log.String(), "start the tray") {
			return errors.New("not yet")
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoDesktopMeansNoChild(t *testing.T) {
	b := newBus(t)
	s, _, log := supervise(t, "idle", b.env())
	eventually(t, "it waits", func() error {
		if !strings.Contains(log.String(), "no session bus yet") {
			return errors.New("not yet")
		}
		return nil
	})
	if childOf(s) != 0 {
		t.Error("a child without a desktop")
	}
	b.start(t)
	another(t, s, 0)
	if n := strings.Count(log.String(), "level=INFO") + strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d lines for a person, want one:\n%s", n, log)
	}
}

func TestCloseWithoutADesktop(t *testing.T) {
	s, _, _ := supervise(t, "idle")
	if err := s.Close(); err != nil || childOf(s) != 0 {
		t.Error(err, childOf(s))
	}
}

// The whole of it: the bus dies under the icon, and the icon is back within two
// seconds of the next panel. A busy machine gets several rounds to show it.
func TestIconComesBackWithTheBus(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	b.start(t)
	h := newHost(t, b, 0)
	s, out, log := supervise(t, "tray", b.env(), socketEnv+"="+d.socket)
	h.item(t)
	pid, best, first := 0, time.Hour, time.Now()
	for round := 0; round < 3 || best > 2*time.Second && time.Since(first) < patience; round++ {
		pid = another(t, s, pid)
		b.die(t)
		eventually(t, "the child ends", gone(pid))
		b.start(t)
		began := time.Now()
		h = newHost(t, b, 0)
		item := h.item(t)
		took := time.Since(began)
		best = min(best, took)
		eventually(t, "the icon", func() error { return item.shows(health.OK, assets.AnyPanel) })
		t.Logf("round %d: icon back %v after the panel", round, took)
	}
	if best > 2*time.Second {
		t.Errorf("the icon is back %v after the panel at best", best)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 0 {
		t.Errorf("%d warnings about a bus that ended", n)
	}
	if strings.Contains(out.String(), "panic") || strings.Contains(out.String(), "DATA RACE") {
		t.Errorf("the child crashed:\n%s", out)
	}
}

func TestAwaitDesktopEndsWithItsContext(t *testing.T) {
	for _, v := range []string{"DISPLAY", "WAYLAND_DISPLAY", busVariable, "XDG_RUNTIME_DIR"} {
		t.Setenv(v, "")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := awaitDesktop(ctx, slog.New(slog.DiscardHandler)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// childOf returns the child's process id, 0 while there is none.
func childOf(s *Supervisor) int { return int(s.pid.Load()) }
