package keychain

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"shelfkeeper/daemon/durable"
)

// files is the directory of a vault. Errors of absent files are
// fs.ErrNotExist. A write is whole and durable when it returns nil.
type files interface {
	read(name string) ([]byte, error)
	write(name string, data []byte) error
	rename(from, to string) error
	remove(name string) error // one that is not there is no error
	list(prefix string) ([]string, error)
}

// diskFiles is a directory that only this user may enter.
type diskFiles struct{ dir string }

func (d diskFiles) read(name string) ([]byte, error) {
	return durable.Read(filepath.Join(d.dir, name))
}

func (d diskFiles) write(name string, data []byte) error {
	if err := d.ensure(); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(d.dir, name), data, 0o600)
}

func (d diskFiles) ensure() error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("make the vault's directory: %w", err)
	}
	return nil
}

func (d diskFiles) rename(from, to string) error {
	return os.Rename(filepath.Join(d.dir, from), filepath.Join(d.dir, to))
}

func (d diskFiles) remove(name string) error {
	return durable.Remove(filepath.Join(d.dir, name))
}

func (d diskFiles) list(prefix string) ([]string, error) {
	all, err := os.ReadDir(d.dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	var names []string
	for _, f := range all {
		// durable leaves *.tmp behind when it is killed; those are no files yet.
		if strings.HasPrefix(f.Name(), prefix) && !strings.HasSuffix(f.Name(), ".tmp") {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// memoryFiles keeps the same promises for the life of the process.
type memoryFiles struct {
	mu      sync.Mutex
	content map[string][]byte
}

func newMemoryFiles() *memoryFiles { return &memoryFiles{content: map[string][]byte{}} }

func (m *memoryFiles) read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.content[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(data), nil
}

func (m *memoryFiles) write(name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.content[name] = slices.Clone(data)
	return nil
}

func (m *memoryFiles) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.content[from]
	if !ok {
		return fs.ErrNotExist
	}
	delete(m.content, from)
	m.content[to] = data
	return nil
}

func (m *memoryFiles) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.content, name)
	return nil
}

func (m *memoryFiles) list(prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.content)) {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

// maxAccount bounds an account's name so that file names stay legal.
const maxAccount = 64

// checkAccount returns ErrInvalid for a name that cannot be an account's.
func checkAccount(name string) error {
	if name == "" || len(name) > maxAccount || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%w: account name %q", ErrInvalid, name)
	}
	return nil
}

// fileName makes any name safe as part of a file's: no dot, no separator, and
// no capital letter, since some file systems fold case.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}
