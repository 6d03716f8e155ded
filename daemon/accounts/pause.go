package accounts

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"time"
)

// pausesName is the file of the pauses, beside the accounts'.
const pausesName = "paused.json"

// Pause is the user's wish that an account serves no player for a while.
type Pause struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: until it is resumed
}

// Over reports whether a pause has ended by itself.
func (p Pause) Over(now time.Time) bool { return !p.Until.IsZero() && !now.Before(p.Until) }

// Pauses are the accounts that are paused. It is safe for concurrent use; two
// processes must not change them at the same time.
type Pauses struct {
	path  string
	newer error // why the file is left as it is, if a newer version has written it

	mu   sync.Mutex
	list map[string]Pause
}

// OpenPauses reads the pauses in the directory dir. A file that cannot be read
// pauses nothing; the error is for the log. The next pause replaces it, unless the
// error is ErrNewer.
func OpenPauses(dir string) (*Pauses, error) {
	p := &Pauses{path: filepath.Join(dir, pausesName), list: map[string]Pause{}}
	list, err := readSide[Pause](p.path)
	if errors.Is(err, ErrNewer) {
		p.newer = err
	}
	if err != nil {
		return p, fmt.Errorf("read which accounts are paused: %w", err)
	}
	maps.Copy(p.list, list) // "null" is a map too
	return p, nil
}

// Of returns the pause of an account that has not ended.
func (p *Pauses) Of(account string) (Pause, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause, ok := p.list[account]
	return pause, ok && !pause.Over(time.Now())
}

// Set pauses an account, or resumes it for nil. On an error nothing has
// changed. The errors are ErrNewer and the file system's.
func (p *Pauses) Set(account string, pause *Pause) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := maps.Clone(p.list)
	maps.DeleteFunc(list, func(name string, old Pause) bool { return name == account || old.Over(time.Now()) })
	if pause != nil {
		list[account] = *pause
	}
	if maps.Equal(list, p.list) {
		return nil
	}
	if p.newer != nil {
		return fmt.Errorf("write which accounts are paused: %w", p.newer)
	}
	if err := writeSide(p.path, list); err != nil {
		return fmt.Errorf("write which accounts are paused: %w", err)
	}
	p.list = list
	return nil
}
