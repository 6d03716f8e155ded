package players

import (
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// A sign-in that belongs to a process ends with it: for the players that present it, in
// the list, and in the file.
func TestASignInEndsWithItsProcess(t *testing.T) {
	g, of := office(t)
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	start, ok := startOf(child.Process.Pid)
	if !ok {
		t.Fatal("the child is not known")
	}
	with := Process{child.Process.Pid, start}
	_, pair, err := of.SignInUntil(t.Context(), Own(), "play", with)
	if err != nil {
		t.Fatal(err)
	}
	// What does not run, or is another process by now, is no end.
	for _, other := range []Process{{}, {-1, 0}, {child.Process.Pid, start + 1}, {1 << 30, 7}} {
		if _, _, err := of.SignInUntil(t.Context(), Own(), "other", other); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := of.Caller(t.Context(), pair.Access); err != nil || !of.Alive(c) || len(g.List("home")) != 5 {
		t.Fatalf("while it runs: %v, %d grants", err, len(g.List("home")))
	}
	if n := len(open(t, g.path).List("home")); n != 5 {
		t.Errorf("%d are stored", n)
	}
	_ = stdin.Close()
	// It has ended before its parent asks how: some never do.
	for deadline := time.Now().Add(30 * time.Second); with.Runs(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("a process that has ended, and is a zombie, runs")
		}
	}
	defer func() {
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := of.Caller(t.Context(), pair.Access); err == nil {
		t.Error("its token lives on")
	}
	if _, _, err := of.Refresh(t.Context(), pair.Refresh); err == nil {
		t.Error("it is renewed")
	}
	if n := len(g.List("home")); n != 4 {
		t.Errorf("%d are listed", n)
	}
	if n := len(open(t, g.path).List("home")); n != 4 {
		t.Errorf("%d are listed after a start", n)
	}
	if !Self().Runs() {
		t.Error("this process does not run")
	}
}
