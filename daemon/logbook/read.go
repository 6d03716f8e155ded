package logbook

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/durable"
)

// ErrNoLog: no daemon has written a log yet.
var ErrNoLog = errors.New("there is no log yet")

// followEvery is how often a file is looked at that somebody follows.
const followEvery = 250 * time.Millisecond

// files returns the files of the log, oldest first.
func files(path string) ([]string, error) {
	ending := filepath.Ext(path)
	prefix := strings.TrimSuffix(filepath.Base(path), ending) + "-" // and a time that sorts
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []string
	for _, f := range all {
		if strings.HasPrefix(f.Name(), prefix) && strings.HasSuffix(f.Name(), ending) && f.Type().IsRegular() {
			list = append(list, filepath.Join(filepath.Dir(path), f.Name()))
		}
	}
	slices.Sort(list)
	if _, err := os.Stat(path); err == nil {
		list = append(list, path)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoLog, path)
	}
	return list, nil
}

// Print writes the lines since a moment to out; all for the zero time.
func Print(out io.Writer, state string, since time.Time) error {
	list, err := files(Path(state))
	if err != nil {
		return err
	}
	f := filter{since: since}
	for _, name := range list {
		if _, err := copyLines(name, 0, func(line string) error { return f.pass(out, line) }); err != nil {
			return err
		}
	}
	return nil
}

// Tail writes the last lines to out.
func Tail(out io.Writer, state string, most int) error {
	list, err := files(Path(state))
	if err != nil {
		return err
	}
	var last []string
	for _, name := range list {
		if _, err := copyLines(name, 0, func(line string) error {
			if last = append(last, line); len(last) > 2*most {
				last = slices.Delete(last, 0, len(last)-most)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, line := range last[max(0, len(last)-most):] {
		if _, err := io.WriteString(out, line); err != nil {
			return err
		}
	}
	return nil
}

// Follower writes lines as they come. The zero value is not usable; see Follow.
type Follower struct {
	path string
	info os.FileInfo // of the file that was read last; nil: none
	at   int64
}

// Follow returns a Follower of the lines that come from now on. A log that is not
// there yet may come.
func Follow(state string) *Follower {
	f := &Follower{path: Path(state)}
	if info, err := os.Stat(f.path); err == nil {
		f.info, f.at = info, info.Size()
	}
	return f
}

// Run writes lines to out until ctx ends.
func (f *Follower) Run(ctx context.Context, out io.Writer) error {
	ticks := time.NewTicker(followEvery)
	defer ticks.Stop()
	for {
		if err := f.step(out); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// step writes what came since the last one. The file is open only meanwhile: Windows
// renames no file that somebody has open.
func (f *Follower) step(out io.Writer) error {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	put := func(line string) error { _, err := io.WriteString(out, line); return err }
	if f.info != nil && !os.SameFile(f.info, info) {
		list, err := files(f.path)
		if err != nil {
			return err
		}
		for _, name := range list { // the rest of the file that was put aside
			if was, err := os.Stat(name); err == nil && os.SameFile(was, f.info) {
				if _, err := copyLines(name, f.at, put); err != nil {
					return err
				}
			}
		}
		f.at = 0
	}
	if info.Size() < f.at {
		f.at = 0
	}
	f.info = info
	if info.Size() == f.at {
		return nil
	}
	f.at, err = copyLines(f.path, f.at, put)
	return err
}

// filter passes the lines since a moment. A line without a time belongs to the one
// before it.
type filter struct {
	since time.Time
	open  bool
}

func (f *filter) pass(out io.Writer, line string) error {
	word, _, _ := strings.Cut(line, " ")
	if at, err := time.Parse(fileTime, word); err == nil {
		f.open = !at.Before(f.since)
	}
	if !f.open && !f.since.IsZero() {
		return nil
	}
	_, err := io.WriteString(out, line)
	return err
}

// copyLines gives the whole lines of a file from an offset on to put, and returns
// where the next one begins.
func copyLines(name string, at int64, put func(line string) error) (int64, error) {
	if err := durable.Regular(name); err != nil {
		return at, err
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) { // it was removed, or put aside
		return at, nil
	}
	if err != nil {
		return at, err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return at, err
	}
	in := bufio.NewReaderSize(io.LimitReader(f, 4*maxMegabytes<<20), 64<<10)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		at += int64(len(line))
		if line == "\n" {
			continue
		}
		if err := put(line); err != nil {
			return at, err
		}
	}
}

// Entry is a line of the log. A line that was broken off has a text only.
type Entry struct {
	Time  time.Time `json:"time,omitzero"`
	Level string    `json:"level,omitempty"` // debug, info, warn or error
	Text  string    `json:"text"`
}

// Parse reads a line.
func Parse(line string) Entry {
	line = strings.TrimRight(line, "\n")
	word, rest, _ := strings.Cut(line, " ")
	at, err := time.Parse(fileTime, word)
	level, text, found := strings.Cut(rest, " ")
	if err != nil || !found {
		return Entry{Text: line}
	}
	return Entry{Time: at, Level: strings.ToLower(level), Text: strings.TrimLeft(text, " ")}
}
