package players

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"shelfkeeper/daemon/redact"
)

// Errors of a grant store.
var (
	// ErrNewer: the file was written by a newer version and is left untouched.
	ErrNewer = errors.New("the grants were stored by a newer version")
	// ErrUnreadable: the file is damaged and is left untouched.
	ErrUnreadable = errors.New("the stored grants cannot be read")
	// ErrExists: the account has a grant of that name already.
	ErrExists = errors.New("there is a grant of that name already")
	// ErrNotFound: the account has no grant of that name.
	ErrNotFound = errors.New("there is no grant of that name")
)

// Kind is how a grant came to be.
type Kind string

// The kinds of grants.
const (
	KindSecret  Kind = "secret"  // the user made it for a player and holds its secret
	KindSession Kind = "session" // somebody signed in otherwise; it has no secret and ends by signing out
)

// Grant is what is known of one grant. Its secret is not.
type Grant struct {
	ID       string
	Account  string
	Name     string
	Kind     Kind
	Scope    Scope
	Created  time.Time
	LastUsed time.Time // zero: never
}

const (
	// secretPrefix lets a grant be recognised when somebody finds one.
	secretPrefix = "sk_"
	// maxName is room for "Music Assistant in the kitchen".
	maxName = 64
	// maxSessions is how many sign-ins without a secret an account keeps; the
	// one unused for longest goes first. Some players sign in every ten minutes
	// and never sign out (Kodi's plugin.audio.audiobookshelf).
	maxSessions = 64
	// sessionRest is how long such a sign-in lives unused: as long as the
	// server's own refresh tokens (30 days, abs: REFRESH_TOKEN_EXPIRY).
	sessionRest = 30 * 24 * time.Hour
	// maxEnded is how many ended sign-ins of one grant are remembered. Who ends
	// more of them holds the grant's secret anyhow.
	maxEnded = 256
)

// Grants are what players hold instead of a real token. Of a secret only its
// SHA-256 is stored: it has 256 random bits, so there is nothing to guess that
// a slower hash would protect. Safe for concurrent use within one process;
// whoever shares the file between processes locks it. Close it in the end.
type Grants struct {
	path string
	now  func() time.Time

	mu   sync.RWMutex
	list map[string]*entry // by id; replaced as a whole, entries never change but for used
	uses lastUse
}

// entry is a grant as it is kept.
type entry struct {
	Grant
	hash  [sha256.Size]byte // of KindSecret
	ended []string          // sign-ins that ended, oldest first
	used  *atomic.Int64     // Unix seconds; shared by all copies of the entry
}

func (e *entry) grant() Grant {
	g := e.Grant
	if s := e.used.Load(); s > 0 {
		g.LastUsed = time.Unix(s, 0).UTC()
	}
	return g
}

// lastUsed is when the grant was used, or made.
func (e *entry) lastUsed() int64 { return max(e.used.Load(), e.Created.Unix()) }

// CheckName says what is wrong with a grant's name, nil if nothing is.
func CheckName(name string) error {
	switch {
	case name == "" || strings.TrimSpace(name) != name:
		return errors.New("a grant's name is not empty and has no space around it")
	case len(name) > maxName:
		return fmt.Errorf("a grant's name has at most %d bytes", maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }):
		return errors.New("a grant's name is one line of text")
	}
	return nil
}

// Add makes a grant for a player and returns its secret, which cannot be had a
// second time. ErrExists when the account has one of that name.
func (g *Grants) Add(account, name string, scope Scope) (redact.Secret, error) {
	if err := CheckName(name); err != nil {
		return redact.Secret{}, err
	}
	var random [32]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	e := g.newEntry(account, name, KindSecret, scope)
	e.hash = sha256.Sum256([]byte(secret))
	e.ID = idOf(e.hash)
	err := g.change(func(list map[string]*entry) error {
		for _, other := range list {
			if other.Account == account && other.Kind == KindSecret && other.Name == name {
				return ErrExists
			}
		}
		list[e.ID] = e
		return nil
	})
	if err != nil {
		return redact.Secret{}, fmt.Errorf("store grant: %w", err)
	}
	return redact.New(secret), nil
}

// open makes a grant without a secret, for one sign-in.
func (g *Grants) open(account, name string, scope Scope) (Grant, error) {
	e := g.newEntry(account, name, KindSession, scope)
	e.ID = randomID()
	err := g.change(func(list map[string]*entry) error {
		g.makeRoom(list, account)
		list[e.ID] = e
		return nil
	})
	if err != nil {
		return Grant{}, fmt.Errorf("store sign-in: %w", err)
	}
	return e.grant(), nil
}

// makeRoom drops the account's sign-ins that nobody used for long, and the one
// unused for longest where there are too many.
func (g *Grants) makeRoom(list map[string]*entry, account string) {
	var sessions []*entry
	for id, e := range list {
		if e.Account != account || e.Kind != KindSession {
			continue
		}
		if g.now().Unix()-e.lastUsed() > int64(sessionRest/time.Second) {
			delete(list, id)
			continue
		}
		sessions = append(sessions, e)
	}
	slices.SortFunc(sessions, func(a, b *entry) int { return int(a.lastUsed() - b.lastUsed()) })
	for i := 0; i <= len(sessions)-maxSessions; i++ {
		delete(list, sessions[i].ID)
	}
}

func (g *Grants) newEntry(account, name string, kind Kind, scope Scope) *entry {
	return &entry{
		Grant: Grant{Account: account, Name: name, Kind: kind, Scope: scope, Created: g.now().UTC().Truncate(time.Second)},
		used:  new(atomic.Int64),
	}
}

// List returns the grants of an account, or of all for "", in order of account
// and age.
func (g *Grants) List(account string) []Grant {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var all []Grant
	for _, e := range g.list {
		if account == "" || e.Account == account {
			all = append(all, e.grant())
		}
	}
	slices.SortFunc(all, func(a, b Grant) int {
		if c := strings.Compare(a.Account, b.Account); c != 0 {
			return c
		}
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// Revoke takes a grant of the account away, by its name or id. Every token of
// it is void at once. Where several sign-ins have that name, all end.
func (g *Grants) Revoke(account, nameOrID string) error {
	err := g.change(func(list map[string]*entry) error {
		return drop(list, func(e *entry) bool { return e.Account == account && (e.Name == nameOrID || e.ID == nameOrID) })
	})
	if err != nil {
		return fmt.Errorf("revoke grant: %w", err)
	}
	return nil
}

// Forget takes all grants of the account away. To have none is no error.
func (g *Grants) Forget(account string) error {
	err := g.change(func(list map[string]*entry) error {
		return drop(list, func(e *entry) bool { return e.Account == account })
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("revoke grants: %w", err)
	}
	return nil
}

// end ends one sign-in of c. A sign-in that is its own grant takes it along.
func (g *Grants) end(c Caller) error {
	err := g.change(func(list map[string]*entry) error {
		e, ok := list[c.Grant]
		switch {
		case !ok || c.SignIn == "" && e.Kind == KindSecret:
			return ErrNotFound
		case e.Kind == KindSession:
			delete(list, c.Grant)
			return nil
		case slices.Contains(e.ended, c.SignIn):
			return ErrNotFound
		}
		next := *e
		next.ended = append(slices.Clone(e.ended), c.SignIn)
		if n := len(next.ended); n > maxEnded {
			next.ended = next.ended[n-maxEnded:]
		}
		list[c.Grant] = &next
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("end sign-in: %w", err)
	}
	return nil
}

func drop(list map[string]*entry, which func(*entry) bool) error {
	before := len(list)
	maps.DeleteFunc(list, func(_ string, e *entry) bool { return which(e) })
	if len(list) == before {
		return ErrNotFound
	}
	return nil
}

// change stores what edit makes of the list; then, and only then, it holds.
func (g *Grants) change(edit func(map[string]*entry) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := maps.Clone(g.list)
	if err := edit(next); err != nil {
		return err
	}
	if err := g.store(next); err != nil {
		return err
	}
	g.list = next
	return nil
}
