package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"shelfkeeper/daemon/durable"
)

// Errors of reading a record.
var (
	// ErrDamaged: the file is not what this program writes. Open and Save keep
	// it beside the new one, with ".damaged" at the end of its name.
	ErrDamaged = errors.New("the record of attempts cannot be read")
	// ErrNewer: a newer version wrote it. It is left alone.
	ErrNewer = errors.New("the record of attempts was written by a newer version")
)

const (
	fileVersion = 1
	// maxBytes bounds the file. 400 entries with all their fields are about
	// 150 kB.
	maxBytes = 192 << 10
	// readBytes bounds a read: the file may have been replaced by anything.
	readBytes = 4 * maxBytes

	ending  = ".json"
	damaged = ".damaged"
)

// Path returns where the record of an account lies in the state directory. The
// name must be one that package accounts accepts.
func Path(state, account string) string {
	return filepath.Join(state, "history", account+ending)
}

// Accounts returns the accounts with a record in the state directory, in
// alphabetical order.
func Accounts(state string) ([]string, error) {
	files, err := os.ReadDir(filepath.Join(state, "history"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ending); ok && f.Type().IsRegular() {
			names = append(names, name)
		}
	}
	return names, err
}

// Read returns the record at path, oldest first; it changes nothing. A record
// that is not there is an empty one.
func Read(path string) ([]Entry, error) {
	if err := durable.Regular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, readBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	entries, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}

type wire struct {
	Version int     `json:"version"`
	Entries []Entry `json:"entries"`
}

// decode does not trust data: what it returns is clean and within bounds.
func decode(data []byte) ([]Entry, error) {
	if len(data) > readBytes {
		return nil, fmt.Errorf("%w: it is too large", ErrDamaged)
	}
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &v); err != nil || v.Version < 1 {
		return nil, ErrDamaged
	}
	if v.Version > fileVersion {
		return nil, ErrNewer
	}
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, ErrDamaged
	}
	for i, e := range w.Entries {
		w.Entries[i] = e.clean()
	}
	return bounded(w.Entries, maxEntries), nil
}

// encode returns the file of entries, without the oldest if they are too long.
func encode(entries []Entry) ([]byte, error) {
	if entries == nil {
		entries = []Entry{}
	}
	for {
		data, err := json.Marshal(wire{Version: fileVersion, Entries: entries})
		if err != nil || len(data) < maxBytes {
			return append(data, '\n'), err
		}
		entries = bounded(entries, len(entries)*9/10)
	}
}

// setDamagedAside moves the damaged file at path out of the way. Only the newest
// damage is kept.
func setDamagedAside(path string) error {
	if err := os.Rename(path, path+damaged); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readOwn is Read for a caller that holds the lock and may write: it moves a
// damaged file out of the way and returns an empty record.
func readOwn(path string) (entries []Entry, aside error, err error) {
	entries, err = Read(path)
	if errors.Is(err, ErrDamaged) {
		aside = fmt.Errorf("%w; it is kept as %s", err, filepath.Base(path)+damaged)
		return nil, aside, setDamagedAside(path)
	}
	return entries, nil, err
}

func write(ctx context.Context, path string, entries []Entry) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	data, err := encode(entries)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, data, 0o600)
}
