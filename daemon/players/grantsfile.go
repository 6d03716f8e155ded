package players

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"shelfkeeper/daemon/durable"
)

// grantsVersion is the version of the file that this program writes. Version 1 had
// one grant for each account, without name and scope.
const grantsVersion = 2

// FirstName is the name of the grant that the first sign-in to an account makes.
const FirstName = "login"

type grantsFile struct {
	Version int          `json:"version"`
	Grants  []grantEntry `json:"grants"`
}

type grantEntry struct {
	ID       string     `json:"id"`
	Account  string     `json:"account"`
	Name     string     `json:"name"`
	Kind     Kind       `json:"kind"`
	Scope    Scope      `json:"scope"`
	SHA256   string     `json:"sha256,omitempty"`
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"last_used,omitempty"`
	Ended    []string   `json:"ended,omitempty"`
	Origins  []string   `json:"origins,omitempty"`
	Process  *Process   `json:"process,omitempty"`
}

// OpenGrants reads the store at path. A missing file means an empty store. The file
// does not change before the first change of a grant.
func OpenGrants(path string) (*Grants, error) {
	g := &Grants{path: path, now: time.Now, list: make(map[string]*entry)}
	raw, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(raw, &version); err != nil {
		return nil, fmt.Errorf("read grants: %w: %s: %w", ErrUnreadable, path, err)
	}
	if version.Version > grantsVersion {
		return nil, fmt.Errorf("read grants: %w: %s has version %d, this program knows %d", ErrNewer, path, version.Version, grantsVersion)
	}
	var file grantsFile
	if err := json.Unmarshal(raw, &file); err != nil || version.Version < 1 {
		return nil, fmt.Errorf("read grants: %w: %s", ErrUnreadable, path)
	}
	for _, stored := range file.Grants {
		if version.Version == 1 {
			stored.Name, stored.Kind, stored.Scope = FirstName, KindSecret, ScopeListen
		}
		e, ok := stored.entry()
		if !ok || g.list[e.ID] != nil {
			return nil, fmt.Errorf("read grants: %w: %s: account %q", ErrUnreadable, path, stored.Account)
		}
		g.list[e.ID] = e
	}
	g.origins = byOrigin(g.list)
	return g, nil
}

// entry returns the stored grant. It reports false when the grant is not complete.
func (w grantEntry) entry() (*entry, bool) {
	e := &entry{
		Grant: Grant{ID: w.ID, Account: w.Account, Name: w.Name, Kind: w.Kind, Scope: w.Scope, Created: w.Created, Origins: w.Origins},
		ended: w.Ended, used: new(atomic.Int64),
	}
	if w.Process != nil {
		e.Process = *w.Process
	}
	if w.LastUsed != nil {
		e.used.Store(w.LastUsed.Unix())
	}
	if w.Account == "" || CheckName(w.Name) != nil || w.Scope.rank() == 0 {
		return nil, false
	}
	switch w.Kind {
	case KindSecret:
		hash, err := hex.DecodeString(w.SHA256)
		if err != nil || len(hash) != sha256.Size {
			return nil, false
		}
		e.hash = [sha256.Size]byte(hash)
		e.ID = idOf(e.hash)
		return e, w.ID == "" || w.ID == e.ID
	case KindSession:
		return e, w.ID != "" && w.SHA256 == ""
	}
	return nil, false
}

func (g *Grants) store(list map[string]*entry) error {
	file := grantsFile{Version: grantsVersion, Grants: []grantEntry{}}
	for _, id := range slices.Sorted(maps.Keys(list)) {
		e := list[id]
		w := grantEntry{ID: id, Account: e.Account, Name: e.Name, Kind: e.Kind, Scope: e.Scope, Created: e.Created, Ended: e.ended,
			Origins: e.Origins}
		if e.Kind == KindSecret {
			w.SHA256 = hex.EncodeToString(e.hash[:])
		}
		if e.Process.PID != 0 {
			w.Process = &e.Process
		}
		if used := e.grant().LastUsed; !used.IsZero() {
			w.LastUsed = &used
		}
		file.Grants = append(file.Grants, w)
	}
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(g.path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(g.path, append(raw, '\n'), 0o600)
}
