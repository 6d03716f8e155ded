package logbook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines returns a logger and what it wrote.
func lines(level slog.Level) (*slog.Logger, *[]string) {
	var got []string
	return slog.New(NewHandler(level, func(_ time.Time, level slog.Level, text string) { got = append(got, levelName(level)+" "+text) })), &got
}

func TestSentences(t *testing.T) {
	log, got := lines(slog.LevelInfo)
	log.Debug("nobody reads it")
	log.With("account", "home").Warn("offline", "reason", "the server cannot be reached", "remedy", "")
	log.Info("a program is refused", "program", "kodi", "times", 3, "remedy", "run `shelfkeeper players add`")
	log.WithGroup("g").Error("disk", "reason", errors.New("full"), slog.Group("h", "a", 1))
	log.Info("two\nlines\x1b[31m", "reason", "a\r\nb")
	want := []string{
		"WARN  home: offline: the server cannot be reached",
		"INFO  a program is refused → run `shelfkeeper players add` (program=kodi, times=3)",
		"ERROR disk (g.reason=full, g.h.a=1)",
		"INFO  two lines [31m: a  b",
	}
	if strings.Join(*got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", *got)
	}
}

// Whatever carries a secret, and however it is nested, no line shows it.
func TestNoSecretIsLogged(t *testing.T) {
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJjYW5hcnkifQ.c2VjcmV0LWNhbmFyeQ"
	secret := redact.New("canary-password")
	log, got := lines(slog.LevelDebug)
	log.Info("text "+token, "reason", fmt.Errorf("get http://me:canary-pw@abs.example/x?token=canary-query: %s", token))
	log.Info("values", "secret", secret, "pointer", &secret, "struct", struct{ S redact.Secret }{secret}, "list", []redact.Secret{secret},
		"map", map[string]any{"a": secret}, slog.Group("g", "s", secret), "bytes", []byte("x"))
	log.With("account", secret).WithGroup("g").Info("refresh_token=canary-refresh&x=1", "path", "/feed?api_key=canary-key")
	log.Info(strings.Repeat("x", 4*maxValue-20) + token) // cut within it
	all := strings.Join(*got, "\n")
	for _, part := range []string{"canary", "eyJ", "c2VjcmV0"} {
		if strings.Contains(all, part) {
			t.Errorf("%q is in the log:\n%s", part, all)
		}
	}
	for _, line := range *got {
		if len(line) > maxLine+20 {
			t.Errorf("%d bytes", len(line))
		}
	}
}

func TestStream(t *testing.T) {
	var out bytes.Buffer
	sink := Stream(&out)
	at := time.Date(2026, 11, 26, 17, 30, 0, 0, time.Local)
	sink(at, slog.LevelWarn, "home: offline")
	if out.String() != "2026-11-26 17:30:00 WARN  home: offline\n" {
		t.Errorf("%q", out.String())
	}
}

// newFile returns a log that is written, and what its trouble was.
func newFile(t *testing.T, state string) (f *File, trouble func() []error) {
	var mu sync.Mutex
	var all []error
	f = NewFile(state, func(err error) { mu.Lock(); defer mu.Unlock(); all = append(all, err) })
	t.Cleanup(f.Close)
	return f, func() []error { mu.Lock(); defer mu.Unlock(); return all }
}

// The log is the user's alone, bounded, and complete as far as it is kept.
func TestFileIsRotated(t *testing.T) { synctest.Test(t, testFileIsRotated) }

func testFileIsRotated(t *testing.T) {
	state := t.TempDir()
	f, trouble := newFile(t, state)
	f.Sink(time.Now(), slog.LevelInfo, "before the start")
	f.Start()
	const all = 14_000
	text := strings.Repeat("x", 1000)
	for i := range all {
		if i%(waiting/2) == 0 {
			time.Sleep(time.Millisecond) // all lines are written, and no two backups have one time
		}
		f.Sink(time.Now(), slog.LevelInfo, fmt.Sprintf("%06d %s", i, text))
	}
	f.Close()
	if errs := trouble(); len(errs) > 0 {
		t.Fatal(errs)
	}
	size := int64(0)
	entries, err := os.ReadDir(filepath.Dir(Path(state)))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
		}
		size += info.Size()
	}
	if info, err := os.Stat(filepath.Dir(Path(state))); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if len(entries) != maxBackups+1 || size > (maxBackups+1)*maxMegabytes<<20 {
		t.Errorf("%d files, %d bytes", len(entries), size)
	}
	var out bytes.Buffer
	if err := Print(&out, state, time.Time{}); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, line := range got {
		if want := fmt.Sprintf("%06d ", all-len(got)+i); !strings.Contains(line, want) {
			t.Fatalf("line %d of %d is %.60s, want %s", i, len(got), line, want)
		}
	}
	if len(got) < 7000 {
		t.Errorf("%d lines", len(got))
	}
	out.Reset()
	if err := Tail(&out, state, 3); err != nil || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("%q %v", out.String(), err)
	}
}

// A file that cannot be written costs its lines, is told once, and tells what is
// missing when it can be written again.
func TestDiskRefusesTheLog(t *testing.T) { synctest.Test(t, testDiskRefusesTheLog) }

func testDiskRefusesTheLog(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "log"), nil, 0o600); err != nil { // where its directory should be
		t.Fatal(err)
	}
	f, trouble := newFile(t, state)
	f.Start()
	for i := range 3 * waiting {
		f.Sink(time.Now(), slog.LevelInfo, fmt.Sprint(i))
	}
	for len(trouble()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := os.Remove(filepath.Join(state, "log")); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 3*afterFailure; time.Sleep(50 * time.Millisecond) {
		f.Sink(time.Now(), slog.LevelInfo, "after")
		if _, err := os.Stat(Path(state)); err == nil {
			break
		}
	}
	f.Close()
	var out bytes.Buffer
	if err := Print(&out, state, time.Time{}); err != nil || !strings.Contains(out.String(), "lines are missing here") ||
		!strings.Contains(out.String(), "after") {
		t.Errorf("%q %v", out.String(), err)
	}
	if n := len(trouble()); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestFollow(t *testing.T) {
	state := t.TempDir()
	path := Path(state)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	add := func(text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	var out bytes.Buffer
	step := func(f *Follower, want string) {
		t.Helper()
		out.Reset()
		if err := f.step(&out); err != nil || out.String() != want {
			t.Errorf("%q %v, want %q", out.String(), err, want)
		}
	}
	f := Follow(state) // nothing is there yet
	step(f, "")
	add("a\nb")
	step(f, "a\n")
	add("c\n")
	step(f, "bc\n")
	step(Follow(state), "")
	add("d\n")
	if err := os.Rename(path, strings.TrimSuffix(path, ".log")+"-2026-11-26T17-30-00.000-size.log"); err != nil {
		t.Fatal(err)
	}
	add("e\n")
	step(f, "d\ne\n")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	add("f\n")
	step(f, "") // as long as before: nothing shows it
	add("g\n")
	step(f, "g\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	add("h\n")
	out.Reset()
	if err := f.Run(ctx, &out); err != nil || out.String() != "h\n" {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestSince(t *testing.T) {
	state := t.TempDir()
	if err := Print(&bytes.Buffer{}, state, time.Time{}); !errors.Is(err, ErrNoLog) {
		t.Errorf("%v", err)
	}
	now := time.Now()
	var text strings.Builder
	for i := range 5 {
		fmt.Fprintf(&text, "%s INFO  %d\nmore of %d\n", now.Add(time.Duration(i-5)*time.Hour).Format(fileTime), i, i)
	}
	path := Path(state)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text.String()), 0o600)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Print(&out, state, now.Add(-150*time.Minute)); err != nil || strings.Count(out.String(), "\n") != 4 ||
		!strings.HasSuffix(out.String(), "more of 4\n") {
		t.Errorf("%q %v", out.String(), err)
	}
}
