package progress

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/progress/recordlog"
)

const (
	// maxSize bounds what waits, in bytes of memory. The share of one caller in it is
	// more than every batch that a player can send at once.
	maxSize = 9 << 20
	// maxSessions bounds the sessions that wait, of which a caller has its share: one
	// for each time that a player began to play.
	maxSessions = 2000
	// spareFile is how large a file grows before it is written anew without what
	// does not count any more.
	spareFile = 1 << 20

	logEnding    = ".log"
	legacyEnding = ".db"
)

// errNewer: the file is not ours to change.
var errNewer = errors.New("the journal of listening was written by a newer version of Shelfkeeper")

// store is the file of one user. The users of one account have their own files
// in its folder: an account's name can pass from one user to another. It is
// guarded by Journal.lock.
type store struct {
	dir  string
	user string
	log  *recordlog.Log // nil while it is closed

	hook   func(recordlog.Step) error // for tests
	noSync bool
}

// path is where a user's file lies. The user's id comes from a server, so it
// does not become a name as it is.
func (s *store) path() string {
	sum := sha256.Sum256([]byte(s.user))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:8])+logEnding)
}

// legacy is where earlier versions kept the reports of all users of an account.
func (s *store) legacy() string { return s.dir + legacyEnding }

func (s *store) reached(at recordlog.Step) error {
	if s.hook == nil {
		return nil
	}
	return s.hook(at)
}

func (s *store) isOpen() bool { return s.log != nil }

// exists reports whether anything is kept.
func (s *store) exists() bool {
	for _, name := range []string{s.path(), s.legacy()} {
		if _, err := os.Lstat(name); err == nil {
			return true
		}
	}
	return false
}

// opened is what open found.
type opened struct {
	entries entries
	damaged string // where a damaged file is kept
}

// open opens the file and reads all of it.
func (s *store) open(log *slog.Logger) (o opened, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open the journal of listening: %w", err)
		}
	}()
	l := newLoader(s.user)
	file, found, err := recordlog.Open(s.path(), l.record)
	if l.newer {
		err = errors.Join(errNewer, err)
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return o, err
	}
	if err != nil {
		return o, err
	}
	file.Hook, file.NoSync = s.reached, s.noSync
	o = opened{l.finish(found.Lost), found.Damaged}
	s.log = file
	if err := s.takeOver(&o, log); err != nil {
		return o, errors.Join(err, s.close())
	}
	if file.MustRewrite() && (found.Damaged != "" || o.entries.waiting() > 0) {
		// If that fails, the damaged file stays as it is, and the next write
		// tries again.
		if err := file.Rewrite(o.entries.records(s.user, nil)); err != nil {
			log.Warn("the journal of listening was not written anew", "reason", err)
		}
	}
	return o, nil
}

// write makes records durable. e is what the file holds so far. With later, a
// power cut may cost these records, and nothing else may.
func (s *store) write(e *entries, later bool, records ...record) error {
	if len(records) == 0 {
		return nil
	}
	lines := make([][]byte, 0, len(records))
	size := s.log.Size()
	for _, r := range records {
		b, err := r.encode()
		if err != nil {
			return err
		}
		lines = append(lines, b)
		size += int64(len(b))
	}
	var err error
	switch {
	case s.log.MustRewrite() || size > 2*int64(e.size)+spareFile:
		err = s.log.Rewrite(e.records(s.user, records))
	case later:
		err = s.log.AppendLater(lines...)
	default:
		err = s.log.Append(lines...)
	}
	if err != nil {
		return fmt.Errorf("write the journal of listening: %w", err)
	}
	return nil
}

func (s *store) close() error {
	if s.log == nil {
		return nil
	}
	err := s.log.Close()
	s.log = nil
	return err
}

// remove closes the file and deletes it.
func (s *store) remove() error {
	err := s.log.Remove()
	s.log = nil
	return err
}

// others counts the entries that wait for other users of the account.
func (s *store) others() int {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return 0
	}
	n := 0
	for _, f := range files {
		path := filepath.Join(s.dir, f.Name())
		if !strings.HasSuffix(path, logEnding) || path == s.path() {
			continue
		}
		l := newLoader("")
		if recordlog.Read(path, l.record) == nil {
			e := l.finish(0)
			n += e.waiting()
		}
	}
	return n
}

// Remedy returns what a person can do about a WriteError, "" where the cause is
// unknown.
func Remedy(err error) string {
	switch {
	case errors.Is(err, errNewer):
		return "start the newer version; nothing was changed"
	case errors.Is(err, recordlog.ErrNoFile):
		return "move away what has the name of the journal's file"
	case errors.Is(err, recordlog.ErrBusy):
		return "end the other Shelfkeeper that serves this account"
	}
	return durable.Remedy(err)
}

// Waiting counts the reports of a user that wait in the journal in dir, while no
// Journal has it open.
func Waiting(dir, userID string) (int, error) {
	s := store{dir: dir, user: userID}
	l := newLoader(userID)
	if err := recordlog.Read(s.path(), l.record); err != nil {
		return 0, err
	}
	e := l.finish(0)
	n, _ := e.reports()
	old, err := readLegacy(s.legacy())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	if u := old.users[userID]; u != nil {
		more, _ := u.reports()
		n += more
	}
	left, err := leftIn(dir)
	for _, path := range left {
		if o, _ := readLeft(path, userID); o != nil { // what cannot be read is nobody's
			n++
		}
	}
	return n, err
}
