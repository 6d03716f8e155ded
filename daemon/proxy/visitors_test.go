package proxy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"shelfkeeper/daemon/proxy/proxytest"
)

// A program that is let in is named and counted; what is refused is not, and the
// list is bounded.
func TestProgramsThatCame(t *testing.T) {
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"))
	for range 3 {
		w.Do("GET", "/api/me", "User-Agent", "mpv/0.35")
	}
	w.Do("GET", "/api/users", "User-Agent", "Toutui/1")
	name := filepath.Base(os.Args[0])
	name = name[:min(15, len(name))]
	if runtime.GOOS != "linux" {
		name = "mpv"
	}
	came := w.Server.Visitors()
	if len(came) != 1 || came[0].Program != name || came[0].Requests != 3 || came[0].Scope != "listen" || came[0].Last.IsZero() {
		t.Fatalf("came %+v", came)
	}
	for i := range 100 {
		w.Do("GET", "/api/me", "User-Agent", fmt.Sprintf("program%d/1", i))
	}
	if came = w.Server.Visitors(); len(came) != 32 || came[0].Agent != "program99/1" {
		t.Errorf("%d programs, the newest %+v", len(came), came[0])
	}
}
