package tray

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
)

// An icon that nothing changes costs nothing: no thread of the tray runs.
func TestIdleTrayDoesNotWake(t *testing.T) {
	d, _, _, item, r := shown(t)
	// Some changes first, so that what they start would be seen.
	for _, c := range []*health.Condition{&health.ServerUnreachable, nil} {
		d.set(snapshotOf(c))
		eventually(t, "the change", func() error { return item.shows(snapshotOf(c).Level, assets.AnyPanel) })
	}
	item.click(t, "Copy")
	eventually(t, "copied", r.out.has("copy http://127.0.0.1:13379", 1))

	// The runtime's own monitor thread goes to sleep some time after the last
	// goroutine.
	const window = 2 * time.Second
	eventually(t, "a window without a wakeup", func() error {
		before := wakeups(t, r.cmd.Process.Pid)
		<-time.After(window)
		if woke := wakeups(t, r.cmd.Process.Pid) - before; woke != 0 {
			return fmt.Errorf("%d wakeups in %v", woke, window)
		}
		return nil
	})
	t.Logf("no wakeup in %v; memory: %s", window, strings.Join(strings.Fields(memory(t, r.cmd.Process.Pid)), " "))
}

// wakeups counts how often the threads of a process were put on a processor
// after waiting.
func wakeups(t testing.TB, pid int) (n int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatal("no threads", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "\nvoluntary_ctxt_switches:")
		count, _, _ := strings.Cut(rest, "\n")
		v, err := strconv.Atoi(strings.TrimSpace(count))
		if err != nil {
			t.Fatal(err)
		}
		n += v
	}
	return n
}

// memory returns the lines of a process's status about it.
func memory(t testing.TB, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "Threads") {
			out.WriteString(line)
		}
	}
	return out.String()
}
