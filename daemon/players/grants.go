package players

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/redact"
)

// Errors of a grant store.
var (
	// ErrNewer: the file was written by a newer version and is left untouched.
	ErrNewer = errors.New("the grants were stored by a newer version")
	// ErrUnreadable: the file is damaged and is left untouched.
	ErrUnreadable = errors.New("the stored grants cannot be read")
	// ErrExists: the account has a grant already; Replace gives it another.
	ErrExists = errors.New("the account has a grant already")
)

// grantsVersion is the version of the file this program writes.
const grantsVersion = 1

// secretPrefix lets a grant be recognised when somebody finds one.
const secretPrefix = "sk_"

// Grants are the secrets that players hold instead of a real token, one an
// account. Only their SHA-256 is stored: a secret has 256 random bits, so
// there is nothing a slower hash would protect. Safe for concurrent use within
// one process; whoever shares the file between processes locks it.
type Grants struct {
	path string
	now  func() time.Time

	mu   sync.RWMutex
	list map[string]grant
}

type grant struct {
	hash    [sha256.Size]byte
	created time.Time
}

type grantsFile struct {
	Version int          `json:"version"`
	Grants  []grantEntry `json:"grants"`
}

type grantEntry struct {
	Account string    `json:"account"`
	SHA256  string    `json:"sha256"`
	Created time.Time `json:"created"`
}

// OpenGrants reads the store at path; a file that is not there is an empty
// store. The file is not touched before the first change.
func OpenGrants(path string) (*Grants, error) {
	g := &Grants{path: path, now: time.Now, list: make(map[string]grant)}
	raw, err := os.ReadFile(path)
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
	for _, e := range file.Grants {
		hash, err := hex.DecodeString(e.SHA256)
		if err != nil || len(hash) != sha256.Size || e.Account == "" {
			return nil, fmt.Errorf("read grants: %w: %s: account %q", ErrUnreadable, path, e.Account)
		}
		g.list[e.Account] = grant{[sha256.Size]byte(hash), e.Created}
	}
	return g, nil
}

// Create gives account its grant and returns the secret, which cannot be had
// a second time. ErrExists when it has one.
func (g *Grants) Create(account string) (redact.Secret, error) { return g.put(account, false) }

// Replace gives account a new grant; the old one, if any, is void at once.
func (g *Grants) Replace(account string) (redact.Secret, error) { return g.put(account, true) }

func (g *Grants) put(account string, replace bool) (redact.Secret, error) {
	if account == "" {
		return redact.Secret{}, errors.New("store grant: no account named")
	}
	var random [32]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(random[:])

	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.list[account]; ok && !replace {
		return redact.Secret{}, fmt.Errorf("store grant: %w", ErrExists)
	}
	next := maps.Clone(g.list)
	next[account] = grant{sha256.Sum256([]byte(secret)), g.now().UTC().Truncate(time.Second)}
	if err := g.store(next); err != nil {
		return redact.Secret{}, fmt.Errorf("store grant: %w", err)
	}
	g.list = next
	return redact.New(secret), nil
}

// Revoke takes account's grant away. An account without one is no error.
func (g *Grants) Revoke(account string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.list[account]; !ok {
		return nil
	}
	next := maps.Clone(g.list)
	delete(next, account)
	if err := g.store(next); err != nil {
		return fmt.Errorf("revoke grant: %w", err)
	}
	g.list = next
	return nil
}

// Created returns when account got its grant, and whether it has one.
func (g *Grants) Created(account string) (time.Time, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	e, ok := g.list[account]
	return e.created, ok
}

// Verify reports whether presented is the secret of account's grant, in time
// that does not depend on how nearly it is.
func (g *Grants) Verify(account, presented string) bool {
	g.mu.RLock()
	e, ok := g.list[account]
	g.mu.RUnlock()
	hash := sha256.Sum256([]byte(presented))
	return subtle.ConstantTimeCompare(hash[:], e.hash[:]) == 1 && ok
}

// Of returns account's grant alone, for whoever serves only that account.
func (g *Grants) Of(account string) Verifier { return Verifier{g, account} }

// Verifier checks the grant of one account.
type Verifier struct {
	grants  *Grants
	account string
}

// Verify is Grants.Verify for the verifier's account.
func (v Verifier) Verify(presented string) bool { return v.grants.Verify(v.account, presented) }

func (g *Grants) store(list map[string]grant) error {
	file := grantsFile{Version: grantsVersion, Grants: []grantEntry{}}
	for _, account := range slices.Sorted(maps.Keys(list)) {
		e := list[account]
		file.Grants = append(file.Grants, grantEntry{account, hex.EncodeToString(e.hash[:]), e.created})
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
