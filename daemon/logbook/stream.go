package logbook

import (
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// streamTime is the time of a line that a person reads at once.
const streamTime = "2006-01-02 15:04:05"

// Stream returns a Sink that writes to a terminal, a pipe or the system's journal.
func Stream(out io.Writer) Sink {
	var mu sync.Mutex
	journal := IsJournal(out)
	return func(at time.Time, level slog.Level, text string) {
		line := at.Format(streamTime) + " " + levelName(level) + " " + text + "\n"
		if journal {
			line = priority(level) + text + "\n"
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(out, line) // nobody is left to be told
	}
}

// IsJournal reports whether out leads to systemd's journal, which reads the level
// from the beginning of a line, and dates it itself (sd-daemon(3)).
func IsJournal(out io.Writer) bool {
	f, ok := out.(statter)
	return ok && isStream(f, os.Getenv("JOURNAL_STREAM"))
}

// statter is a file, or what writes to one.
type statter interface{ Stat() (os.FileInfo, error) }

func priority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "<3>"
	case level >= slog.LevelWarn:
		return "<4>"
	case level >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

// levelName is the level in five letters.
func levelName(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "ERROR"
	case level >= slog.LevelWarn:
		return "WARN "
	case level >= slog.LevelInfo:
		return "INFO "
	}
	return "DEBUG"
}
