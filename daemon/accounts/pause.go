package accounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"shelfkeeper/daemon/durable"
)

// pausesName is the file of the pauses, beside the accounts'. It is a file of
// its own since a program of another version refuses the accounts' where it
// finds a field that it does not know.
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
	path string

	mu   sync.Mutex
	list map[string]Pause
}

// OpenPauses reads the pauses in the directory dir. A file that cannot be read
// pauses nothing; the error is for the log.
func OpenPauses(dir string) (*Pauses, error) {
	p := &Pauses{path: filepath.Join(dir, pausesName), list: map[string]Pause{}}
	data, err := durable.Read(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	list := map[string]Pause{}
	if err == nil {
		err = json.Unmarshal(data, &list)
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
// changed.
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
	data, err := json.MarshalIndent(list, "", "  ")
	if err == nil {
		err = durable.WriteFile(p.path, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("write which accounts are paused: %w", err)
	}
	p.list = list
	return nil
}
