package logbook

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/DeRuina/timberjack"

	"shelfkeeper/daemon/durable"
)

const (
	// maxMegabytes and maxBackups bound the log on disk: 10 MB.
	maxMegabytes = 2
	maxBackups   = 4
	// waiting is how many lines may wait for the disk. More are lost, and counted.
	waiting = 512
	// afterFailure is how long nothing is written after the disk refused a line.
	afterFailure = 5 * time.Second
	// closePatience is how long Close waits for the disk.
	closePatience = 2 * time.Second

	fileTime = "2006-01-02T15:04:05.000Z07:00"
)

// Path is where the log of a daemon lies.
func Path(state string) string { return filepath.Join(state, "log", "shelfkeeper.log") }

// File is the log in the state directory. Lines wait in memory until Start, and a
// goroutine of its own writes them. Close it in the end.
type File struct {
	path    string
	trouble func(error)
	lines   chan []byte
	quit    chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	started bool
	closed  bool
	lost    int // since the newest line that was written
}

// NewFile returns the log of a state directory. trouble is called once for each time
// that the disk begins to refuse lines; it must not log into the file.
func NewFile(state string, trouble func(error)) *File {
	return &File{path: Path(state), trouble: trouble, lines: make(chan []byte, waiting), quit: make(chan struct{}), done: make(chan struct{})}
}

// Sink takes lines for the file, and never waits.
func (f *File) Sink(at time.Time, level slog.Level, text string) {
	line := []byte(at.Format(fileTime) + " " + levelName(level) + " " + text + "\n")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	select {
	case f.lines <- line:
	default:
		f.lost++
	}
}

// Start begins to write. No other process may have the file then.
func (f *File) Start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.started || f.closed {
		return
	}
	f.started = true
	go f.run()
}

// Close writes what waits, and gives up where the disk does not answer.
func (f *File) Close() {
	f.mu.Lock()
	closed, started := f.closed, f.started
	f.closed = true
	f.mu.Unlock()
	if closed || !started {
		return
	}
	close(f.quit)
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	select {
	case <-f.done:
	case <-timer.C: // its goroutine ends with the process
	}
}

func (f *File) run() {
	defer close(f.done)
	out := &timberjack.Logger{
		Filename: f.path, MaxSize: maxMegabytes, MaxBackups: maxBackups, LocalTime: true, FileMode: 0o600, Compression: "none",
	}
	w := writer{file: f, out: out}
	for {
		select {
		case line := <-f.lines:
			w.write(line)
			continue
		default:
		}
		select {
		case line := <-f.lines:
			w.write(line)
		case <-f.quit:
			for len(f.lines) > 0 {
				w.write(<-f.lines)
			}
			if err := out.Close(); err != nil && !w.failing {
				f.trouble(err)
			}
			return
		}
	}
}

// writer writes lines as long as the disk takes them.
type writer struct {
	file    *File
	out     *timberjack.Logger
	checked bool // the directory is there
	failing bool
	retry   time.Time
}

func (w *writer) write(line []byte) {
	if w.failing && time.Now().Before(w.retry) {
		w.file.lose(1)
		return
	}
	n := w.file.takeLost()
	if n > 0 {
		note := fmt.Sprintf("\n%s %s %d lines are missing here: the disk did not take them\n",
			time.Now().Format(fileTime), levelName(slog.LevelWarn), n)
		line = append([]byte(note), line...)
	}
	err := w.prepare()
	if err == nil {
		_, err = w.out.Write(line)
	}
	if err == nil {
		w.failing = false
		return
	}
	w.file.lose(n + 1)
	w.retry = time.Now().Add(afterFailure)
	if !w.failing {
		w.failing = true
		w.file.trouble(err)
	}
}

// prepare makes the directory, and makes sure that nothing else than a file has the
// log's name.
func (w *writer) prepare() error {
	if w.checked && !w.failing {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(w.file.path), 0o700); err != nil {
		return err
	}
	if err := durable.Regular(w.file.path); err != nil {
		return err
	}
	w.checked = true
	return nil
}

func (f *File) lose(n int) {
	f.mu.Lock()
	f.lost += n
	f.mu.Unlock()
}

func (f *File) takeLost() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.lost
	f.lost = 0
	return n
}
