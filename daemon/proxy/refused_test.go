package proxy_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// safeLog is a log that several goroutines write.
type safeLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// A program that is refused is named and counted, with its origin and what would
// let it in; the log tells it once a minute.
func TestRefusedProgramsAreVisible(t *testing.T) {
	log := &safeLog{}
	w := proxytest.NewWorld(t, proxytest.Text("application/json", "{}"), func(c *proxy.Config) {
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	})
	const agent = "Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"audiobookshelf-htpc/0.3.1 Chrome/120 Electron/28 Safari/537.36"
	var last proxytest.Answer
	for range 12 {
		last = w.Do("GET", "/api/me", "Origin", "app://htpc", "User-Agent", agent)
		w.Do("GET", "/api/users", "User-Agent", "Toutui/1")
	}
	if last.StatusCode != 403 || !strings.Contains(last.Text, "players trust NAME app://htpc") {
		t.Errorf("%s %s", last.Status, last.Text)
	}
	if a := w.Do("GET", "/api/me", "Sec-Fetch-Site", "cross-site"); !strings.Contains(a.Text, "let it present a grant") {
		t.Errorf("a program without an origin reads %s", a.Text)
	}
	if a := w.Do("GET", "/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"); !strings.Contains(a.Text, "in the browser") {
		t.Errorf("a person reads %s", a.Text)
	}
	name := filepath.Base(os.Args[0])[:min(15, len(filepath.Base(os.Args[0])))] + " (process " + fmt.Sprint(os.Getpid()) + ")"
	if runtime.GOOS != "linux" {
		name = "audiobookshelf-htpc"
	}
	found := false
	for _, r := range w.Server.Refused() {
		if r.Origin == "app://htpc" {
			found = true
			if r.Program != name || r.Count != 12 || r.Refusal.Name != "other-origin" || r.Last.IsZero() {
				t.Errorf("%+v", r)
			}
		}
	}
	if !found {
		t.Errorf("%+v", w.Server.Refused())
	}
	lines := strings.Count(log.buf.String(), "a program is refused")
	if told := strings.Count(log.buf.String(), "origin=app://htpc"); told != 1 || lines > 8 ||
		!strings.Contains(log.buf.String(), "path=/api/users") {
		t.Errorf("told %d times:\n%s", told, log.buf.String())
	}
	// Whatever is sent, little of it is remembered.
	for i := range 300 {
		w.Do("GET", "/api/me", "Origin", fmt.Sprintf("http://evil%d.example", i), "User-Agent", strings.Repeat("x", 300)+fmt.Sprint(i))
	}
	if n := strings.Count(log.buf.String(), "a program is refused"); n > 20 {
		t.Errorf("the log has %d lines", n)
	}
	if n := len(w.Server.Refused()); n > 32 {
		t.Errorf("%d are remembered", n)
	}
	for _, r := range w.Server.Refused() {
		if len(r.Program) > 128 || len(r.Origin) > 256 {
			t.Errorf("%+v", r)
		}
	}
}
