package progress

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The buckets of one user. Those of several users may lie in one file: an
// account's name can pass from one to another.
const (
	bucketSessions = "sessions" // by session id: listening
	bucketChanges  = "changes"  // by sequence: change
	bucketOffline  = "offline"  // by session id: offline
	bucketAside    = "aside"    // by sequence: setAsideEntry
)

const (
	// maxEntries and maxBytes bound what waits: months of listening, and a file
	// that is read at a start within milliseconds.
	maxEntries = 2000
	maxBytes   = 8 << 20
	// maxAside is how many entries that were set aside are kept, the newest.
	maxAside = 200
	// maxAsideEntry is the largest that is kept whole; of a larger one only the
	// reason is.
	maxAsideEntry = 64 << 10
	// lockPatience is how long an open waits for another process that is just
	// ending.
	lockPatience = time.Second
)

// errDamaged: the file is no journal any more.
var errDamaged = errors.New("damaged")

// store is the journal's file. It is guarded by Journal.mu.
type store struct {
	path string
	user string
	db   *bolt.DB

	entries int            // of this user, those set aside not counted
	bytes   int            // of their values
	sizes   map[string]int // by bucket and key

	hook   func(step) error // tests: around each transaction
	noSync bool             // tests: what is killed is not the machine
}

// edit puts value at key, or deletes it where value is nil.
type edit struct {
	bucket string
	key    []byte
	value  any
}

// step names a moment of a write, for tests that kill there.
type step string

const (
	beforeWrite step = "before a write"
	afterWrite  step = "after a write"
)

func (s *store) reached(at step) error {
	if s.hook == nil {
		return nil
	}
	return s.hook(at)
}

func (s *store) isOpen() bool { return s.db != nil }

func (s *store) exists() bool {
	_, err := os.Stat(s.path)
	return err == nil
}

// open opens the file, or makes it, and reads all of it. One that is damaged is
// put aside under another name, which is returned, and a new one is made.
func (s *store) open() (f loaded, damaged string, err error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return f, "", err
	}
	f, err = s.tryOpen()
	if !errors.Is(err, errDamaged) {
		return f, "", err
	}
	damaged = fmt.Sprintf("%s.damaged-%s", s.path, time.Now().UTC().Format("20060102T150405.000"))
	if err := os.Rename(s.path, damaged); err != nil {
		return f, "", err
	}
	f, err = s.tryOpen()
	return f, damaged, err
}

func (s *store) tryOpen() (f loaded, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open the journal of listening: %w", err)
		}
	}()
	var db *bolt.DB
	// With its list of free pages in the file, an open reads next to nothing
	// of a file that may be damaged.
	if err := guarded(func() (err error) {
		db, err = bolt.Open(s.path, 0o600, &bolt.Options{Timeout: lockPatience, NoSync: s.noSync})
		return err
	}); err != nil {
		if isDamage(err) {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
		return f, err
	}
	s.sizes, s.entries, s.bytes = make(map[string]int), 0, 0
	if err = sound(db); err == nil {
		err = guarded(func() error { return db.View(func(tx *bolt.Tx) error { return s.read(tx, &f) }) })
	}
	if err != nil {
		// Whatever it is, nothing of it can be relied upon.
		return loaded{}, fmt.Errorf("%w: %w", errDamaged, errors.Join(err, db.Close()))
	}
	s.db = db
	return f, nil
}

// isDamage reports whether an open failed for what the file holds, rather than
// for a lock, a permission or a disk.
func isDamage(err error) bool {
	var path *fs.PathError
	var system syscall.Errno
	return !errors.Is(err, bolterrors.ErrTimeout) && !errors.As(err, &path) && !errors.As(err, &system)
}

// count records the size of a value; a size below 0 removes it.
func (s *store) count(bucket string, key []byte, size int) {
	name := bucket + "/" + string(key)
	old, was := s.sizes[name]
	if was {
		s.entries, s.bytes = s.entries-1, s.bytes-old
		delete(s.sizes, name)
	}
	if size >= 0 {
		s.sizes[name] = size
		s.entries, s.bytes = s.entries+1, s.bytes+size
	}
}

// write makes all edits durable, or none. It returns ErrFull where they would
// add entries to a full file, or more than a few kilobytes to a large one.
func (s *store) write(edits ...edit) error {
	if len(edits) == 0 {
		return nil
	}
	if err := s.reached(beforeWrite); err != nil {
		return err
	}
	values := make([][]byte, len(edits))
	entries, bytes := s.entries, s.bytes
	for i, e := range edits {
		if e.value == nil {
			continue
		}
		v, err := encode(e.value)
		if err != nil {
			return err
		}
		values[i] = v
		if e.bucket == bucketAside {
			continue
		}
		old, was := s.sizes[e.bucket+"/"+string(e.key)]
		if bytes += len(v) - old; !was {
			entries++
		}
	}
	if (entries > s.entries && entries > maxEntries) || (bytes > s.bytes+maxField && bytes > maxBytes) {
		return ErrFull
	}
	if err := guarded(func() error { return s.db.Update(func(tx *bolt.Tx) error { return s.apply(tx, edits, values) }) }); err != nil {
		return fmt.Errorf("write the journal of listening: %w", err)
	}
	_ = s.reached(afterWrite) // it is durable
	for i, e := range edits {
		switch {
		case e.bucket == bucketAside:
		case values[i] == nil:
			s.count(e.bucket, e.key, -1)
		default:
			s.count(e.bucket, e.key, len(values[i]))
		}
	}
	return nil
}

func (s *store) apply(tx *bolt.Tx, edits []edit, values [][]byte) error {
	user, err := tx.CreateBucketIfNotExists([]byte(s.user))
	if err != nil {
		return err
	}
	for i, e := range edits {
		b, err := user.CreateBucketIfNotExists([]byte(e.bucket))
		if err != nil {
			return err
		}
		if values[i] == nil {
			err = b.Delete(e.key)
		} else {
			err = b.Put(e.key, values[i])
		}
		if err != nil {
			return err
		}
		if e.bucket == bucketAside {
			if err := trim(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// trim drops the oldest entries that were set aside.
func trim(b *bolt.Bucket) error {
	var keys [][]byte
	if err := b.ForEach(func(k, _ []byte) error { keys = append(keys, k); return nil }); err != nil {
		return err
	}
	for _, k := range keys[:max(0, len(keys)-maxAside)] {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) close() error {
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}
