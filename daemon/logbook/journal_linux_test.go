package logbook

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"
)

// Where stderr leads to systemd's journal, a line begins with its level and has no
// time; the variable alone, which programs inherit, does not count.
func TestJournal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	info, err := w.Stat()
	if err != nil {
		t.Fatal(err)
	}
	at := info.Sys().(*syscall.Stat_t)
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", at.Dev, at.Ino))
	journal := Stream(w)
	t.Setenv("JOURNAL_STREAM", "1:2")
	elsewhere := Stream(w)
	now := time.Now()
	journal(now, slog.LevelError, "a")
	journal(now, slog.LevelWarn, "b")
	journal(now, slog.LevelInfo, "c")
	journal(now, slog.LevelDebug, "d")
	elsewhere(now, slog.LevelInfo, "e")
	w.Close()
	got, err := io.ReadAll(r)
	if want := "<3>a\n<4>b\n<6>c\n<7>d\n" + now.Format(streamTime) + " INFO  e\n"; err != nil || string(got) != want {
		t.Errorf("%q %v, want %q", got, err, want)
	}
}
