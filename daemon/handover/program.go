package handover

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// versionTimeout bounds how long a program may take to say its version.
const versionTimeout = 10 * time.Second

// Program is the file that this process was started from. An upgrade replaces the
// file, and the process goes on with the old one.
type Program struct {
	path string
	info fs.FileInfo // when the process began
}

// Own returns the program of this process. name is how it was called, os.Args[0]:
// a link that leads to the program is kept, since an upgrade may turn it elsewhere.
func Own(name string) (Program, error) {
	path, err := os.Executable()
	if err != nil {
		return Program{}, fmt.Errorf("find our own program: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Program{}, fmt.Errorf("find our own program: %w", err)
	}
	if called, err := exec.LookPath(name); err == nil {
		if abs, err := filepath.Abs(called); err == nil {
			if at, err := os.Stat(abs); err == nil && os.SameFile(at, info) {
				path = abs
			}
		}
	}
	return Program{path, info}, nil
}

// Path is where the program lies.
func (p Program) Path() string { return p.path }

// Version runs the program that lies there now, and returns what it calls its
// version. An error says why it could not take this one's place.
func (p Program) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, p.path, "version", "--json")
	c.WaitDelay = time.Second
	var out, trouble bounded
	c.Stdout, c.Stderr = &out, &trouble
	if err := c.Run(); err != nil {
		if text := bytes.TrimSpace(trouble.Bytes()); len(text) > 0 {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return "", fmt.Errorf("%s does not run: %w", p.path, cmp.Or(ctx.Err(), err))
	}
	var said struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(out.Bytes(), &said); err != nil || said.Version == "" || len(said.Version) > 100 {
		return "", fmt.Errorf("%s is no Shelfkeeper: it does not say its version", p.path)
	}
	return said.Version, nil
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, 4096-b.Len()))])
	return len(p), nil
}

// Installed notices that another program lies in the place of this one. It looks
// when it is asked, so it has no timer. Close it in the end.
type Installed struct {
	program Program
	changed func()

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	seen    fs.FileInfo
	version string
}

// NewInstalled watches the file of a program. changed is told when Version has a
// new answer; it may be nil.
func NewInstalled(p Program, changed func()) *Installed {
	i := &Installed{program: p, changed: changed, seen: p.info}
	i.ctx, i.stop = context.WithCancel(context.Background())
	return i
}

// Close ends a look that is under way.
func (i *Installed) Close() {
	i.mu.Lock()
	i.stop()
	i.mu.Unlock()
	i.running.Wait()
}

// Version returns the version of the program that was installed over this one, ""
// while it is the same file or the new one does not run. It does not wait.
func (i *Installed) Version() string {
	if i.program.info == nil {
		return ""
	}
	now, err := os.Stat(i.program.path)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil || i.ctx.Err() != nil || same(now, i.seen) {
		return i.version // a file that is gone is being replaced, or removed
	}
	i.seen, i.version = now, ""
	if !same(now, i.program.info) {
		i.running.Go(func() { i.look(now) })
	}
	return i.version
}

// look asks the file that was seen for its version.
func (i *Installed) look(seen fs.FileInfo) {
	version, err := i.program.Version(i.ctx)
	i.mu.Lock()
	news := err == nil && same(seen, i.seen)
	if news {
		i.version = version
	}
	i.mu.Unlock()
	if news && i.changed != nil {
		i.changed()
	}
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
