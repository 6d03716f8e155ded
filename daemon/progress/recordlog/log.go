// Package recordlog keeps records in one file to which it only appends.
//
// Every record is a line of text with a checksum of its own. So a crash can
// cost only records that were not confirmed yet, and damage costs only the
// records that it touches. Whatever bytes the file holds, every whole record
// is read. A damaged file is kept under another name. A database would have to
// trust its own structure on disk instead; bbolt, which was used here before,
// ends the program where that structure is damaged.
//
// The package does not know what a record means. Its caller gives the records
// that still count when the file is written anew.
package recordlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
)

const (
	// MaxRecord bounds one record. A longer line is damage.
	MaxRecord = 4 << 20
	// maxFile bounds what is read. No file of this program is that large.
	maxFile = 64 << 20
	// lockPatience is how long Open waits for a process that is just ending.
	lockPatience = time.Second
	lockPoll     = 25 * time.Millisecond
	// keptDamaged is how many damaged files are kept beside the log, the newest.
	keptDamaged = 5
)

// The errors of Open.
var (
	// ErrBusy: another process has the log open.
	ErrBusy = errors.New("another process has it open")
	// ErrNoFile: something else than a file has the log's name.
	ErrNoFile = durable.ErrNoFile
)

// Step names a moment of a write, for tests that end the process there.
type Step string

// The steps of Append and Rewrite, beside those of durable.Write.
const (
	Before Step = "before a write"
	Half   Step = "half of the bytes are written"
	Whole  Step = "all bytes are written, and not yet on disk"
	Synced Step = "the bytes are on disk"
)

// Log is an open file of records. It is not safe for concurrent use.
type Log struct {
	// Hook, where a test has set it, is called at each step. With an error the
	// write ends there, as if the process had.
	Hook func(Step) error
	// NoSync leaves out waiting for the disk, for tests that end the process
	// and not the machine.
	NoSync bool

	path    string
	lock    *flock.Flock
	file    *os.File // nil until there is one
	size    int64
	id      string   // of the file, in its first line
	records int      // of which the file consists
	length  *os.File // says how many are durable; nil until it is needed
	stale   bool     // the file must be written anew before anything is appended
}

// Found is what Open met in the file.
type Found struct {
	Records int
	// Damaged is the name under which a damaged file is kept; "" where the file
	// was whole.
	Damaged string
	// Lost counts the places at which no record could be read.
	Lost int
	// Cut counts the records that are missing beside, because the file was cut.
	Cut int
}

// Open opens the log at path and gives each of its records to apply, oldest
// first. lost counts the places before the record at which others may be missing.
// A record that apply refuses counts as damage. The file is made by the first Rewrite; as long
// as MustRewrite says so, nothing can be appended.
func Open(path string, apply func(record []byte, lost int) error) (l *Log, f Found, err error) {
	l = &Log{path: path}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, f, err
	}
	if err := l.takeLock(); err != nil {
		return nil, f, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
			l = nil
		}
	}()
	// A link that leads nowhere is no file either, and writing replaces it.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.stale = true
		return l, f, nil
	case err != nil:
		return l, f, err
	case !info.Mode().IsRegular():
		return l, f, fmt.Errorf("%s: %w", path, ErrNoFile)
	}
	if l.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return l, f, err
	}
	r := &reader{apply: apply}
	if err = r.read(io.LimitReader(l.file, maxFile)); err != nil {
		return l, f, err
	}
	f.Records, f.Lost = r.records, r.lost
	l.id, l.records = r.id, r.records
	if n := l.readLength(r.id); n > r.records+r.lost {
		f.Cut = n - r.records - r.lost
		f.Lost++
	}
	if info.Size() > maxFile || r.records == 0 {
		f.Lost++ // the log writes no file without a record
	}
	if f.Lost > 0 {
		l.stale = true
		f.Damaged, err = keepDamaged(path)
		return l, f, err
	}
	// What a crash left of a record that nobody was told is safe goes.
	if l.size = r.end; r.end < info.Size() {
		err = l.file.Truncate(r.end)
	}
	if err == nil && (r.unended || r.id == "") {
		// The last line has no end, so nothing must be joined to it. Or an earlier
		// version wrote the file, which did not say how long it is.
		l.stale = true
	}
	return l, f, err
}

// Read is Open for a caller that only looks: it takes no lock and changes
// nothing. A file that is not there has no records.
func Read(path string, apply func(record []byte, lost int) error) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: %w", path, ErrNoFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join((&reader{apply: apply}).read(io.LimitReader(f, maxFile)), f.Close())
}

// takeLock keeps other processes from the log. The lock's file stays: if it were
// removed while a process waits for it, two processes could hold the lock.
func (l *Log) takeLock() error {
	name := l.path + ".lock"
	if err := durable.Regular(name); err != nil {
		return err
	}
	l.lock = flock.New(name, flock.SetPermissions(0o600))
	for began := time.Now(); ; time.Sleep(lockPoll) {
		ok, err := l.lock.TryLock()
		switch {
		case err != nil:
			return fmt.Errorf("lock %s: %w", l.path, err)
		case ok:
			return nil
		case time.Since(began) >= lockPatience:
			return fmt.Errorf("%s: %w", l.path, ErrBusy)
		}
	}
}

// MustRewrite reports whether the file has to be written anew before anything
// can be appended: there is none, it is damaged, or a write to it failed.
func (l *Log) MustRewrite() bool { return l.stale }

// Size is how many bytes the file has.
func (l *Log) Size() int64 { return l.size }

func (l *Log) reached(at Step) error {
	if l.Hook == nil {
		return nil
	}
	return l.Hook(at)
}

// Close closes the file and lets other processes have the log.
func (l *Log) Close() error {
	return errors.Join(l.closeFile(), l.closeLength(), l.unlock())
}

func (l *Log) unlock() error {
	if l.lock == nil {
		return nil
	}
	return l.lock.Unlock()
}

// Remove deletes the file and closes the log.
func (l *Log) Remove() error {
	return errors.Join(l.closeFile(), durable.Remove(l.path), l.removeLength(), l.unlock())
}

func (l *Log) closeFile() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file, l.stale = nil, true
	return err
}
