package netmon

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// insideVar tells the test binary that it runs in a network of its own.
const insideVar = "NETMON_TEST_INSIDE"

// TestRealLinks is TestInsideNamespace in a network namespace, where links may
// be taken up and down.
func TestRealLinks(t *testing.T) {
	_, err := exec.LookPath("ip")
	if err != nil || os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("root and iproute2 are needed: uid %d, %v", os.Getuid(), err)
		}
		t.Skip("needs root and iproute2 for a network namespace")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestInsideNamespace$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), insideVar+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestInsideNamespace") {
		t.Errorf("%v\n%s", err, out)
	}
}

func ip(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v %s", line, err, out)
	}
}

// TestInsideNamespace takes real links up and down, and the kernel tells.
func TestInsideNamespace(t *testing.T) {
	if os.Getenv(insideVar) == "" {
		t.Skip("run by TestRealLinks")
	}
	ip(t, "link set lo up")
	ip(t, "link add wlan0 type veth peer name w")
	ip(t, "link add eth0 type veth peer name e")
	ip(t, "link set w up")
	ip(t, "link set e up")
	events := make(chan Event, 64)
	m := New(Config{Log: slog.New(slog.DiscardHandler), Changed: func(e Event) { events <- e }})
	m.Start()
	defer m.Close()
	var last time.Time
	expect := func(desc string, ok func(Event) bool) {
		t.Helper()
		late := time.After(time.Minute)
		for {
			select {
			case e := <-events:
				t.Logf("%s: %v after %v", desc, e, time.Since(last).Round(time.Millisecond))
				if ok(e) {
					return
				}
			case <-late:
				t.Fatalf("%s: no event", desc)
			}
		}
	}
	do := func(lines ...string) {
		for _, line := range lines {
			ip(t, line)
		}
		last = time.Now()
	}
	gone := func(addr string) func(Event) bool {
		return func(e Event) bool { return strings.Contains(fmt.Sprint(e.Gone), addr) }
	}
	do("link set wlan0 up", "addr add 10.1.0.2/24 dev wlan0", "route add default via 10.1.0.1 dev wlan0 metric 600")
	expect("the first link", func(e Event) bool { return e.Reason == RouteChanged && e.Online })
	do("link set eth0 up", "addr add 10.2.0.2/24 dev eth0", "route add default via 10.2.0.1 dev eth0 metric 100")
	expect("a better link", func(e Event) bool { return strings.Contains(e.Detail, "eth0 (10.2.0.2)") && len(e.Gone) == 0 })
	do("addr flush dev wlan0", "link set wlan0 down")
	expect("the spare one goes", gone("10.1.0.2"))
	do("addr del 10.2.0.2/24 dev eth0", "addr add 10.2.0.9/24 dev eth0", "route add default via 10.2.0.1 dev eth0")
	expect("another address", gone("10.2.0.2"))
	do("link set eth0 down")
	expect("nothing left", func(e Event) bool { return !e.Online })
	do("link set eth0 up", "addr add fd00:2::2/64 dev eth0", "route add default via fd00:2::1 dev eth0")
	expect("IPv6 only, once its address is sure",
		func(e Event) bool { return e.Reason == RouteChanged && strings.Contains(e.Detail, "IPv6 by eth0") })
	select {
	case e := <-events:
		t.Errorf("one more: %v", e)
	default:
	}
}
