package players

import (
	"cmp"
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

	"shelfkeeper/daemon/order"
	"shelfkeeper/daemon/redact"
)

// Errors of a grant store.
var (
	// ErrNewer says that a newer version wrote the file. The file stays as it is.
	ErrNewer = errors.New("the grants were stored by a newer version")
	// ErrUnreadable says that the file is damaged. The file stays as it is.
	ErrUnreadable = errors.New("the stored grants cannot be read")
	// ErrExists says that the account has a grant of that name already.
	ErrExists = errors.New("there is a grant of that name already")
	// ErrNotFound says that the account has no grant of that name.
	ErrNotFound = errors.New("there is no grant of that name")
)

// Kind is the origin of a grant.
type Kind string

// The kinds of grants.
const (
	KindSecret  Kind = "secret"  // the user made it for a player; it has a secret
	KindSession Kind = "session" // a sign-in made it; it has no secret and ends with the sign-out
)

// Grant describes one grant, without its secret.
type Grant struct {
	ID       string
	Account  string
	Name     string
	Kind     Kind
	Scope    Scope
	Created  time.Time
	LastUsed time.Time // zero for never
	Origins  []string  // of programs in a webview that come in with it; see Trust
	Process  Process   // with which it ends; zero: with none
}

const (
	// secretPrefix makes a grant's secret recognisable.
	secretPrefix = "sk_"
	// maxName is room for "Music Assistant in the kitchen".
	maxName = 64
	// maxSessions bounds the sign-ins without a secret of an account; the one
	// unused for longest is removed first. Some players sign in every ten minutes
	// and never sign out (Kodi's plugin.audio.audiobookshelf), others at each request:
	// these must not push out a program that is quiet for an hour.
	maxSessions = 256
	// newestKept are never removed for others, whatever the clock says of their use.
	newestKept = 64
	// sessionIdleLimit is how long an unused sign-in lives: as long as the server's
	// refresh tokens (30 days, abs: REFRESH_TOKEN_EXPIRY).
	sessionIdleLimit = 30 * 24 * time.Hour
	// maxEnded bounds how many ended sign-ins of a grant are remembered. A program
	// that ends more of them holds the grant's secret anyway.
	maxEnded = 256
)

// Grants stores what players hold instead of a real token. It stores only the
// SHA-256 of a secret: a secret has 256 random bits, so a slower hash would protect
// nothing. It is safe for concurrent use within one process. Processes that share
// the file must lock it. Close it in the end.
type Grants struct {
	path string
	now  func() time.Time

	made atomic.Uint64 // grants since the start

	mu      sync.RWMutex
	list    map[string]*entry   // by id; the map is replaced at each change, entries change only in used
	origins map[originOf]*entry // made of list at each change, since each request may ask
	uses    lastUse
}

// entry is a stored grant.
type entry struct {
	Grant
	hash  [sha256.Size]byte // of KindSecret
	ended []string          // ended sign-ins, the oldest first
	used  *atomic.Int64     // Unix seconds; shared by all copies of the entry
	order uint64            // of making, since the start: many are made in one second; 0: before
}

// over reports whether the process with which the grant ends has ended.
func (e *entry) over() bool { return e.Process.PID != 0 && !e.Process.Runs() }

func (e *entry) grant() Grant {
	g := e.Grant
	if s := e.used.Load(); s > 0 {
		g.LastUsed = time.Unix(s, 0).UTC()
	}
	return g
}

// lastUsed is the time of the grant's last use, or of its creation.
func (e *entry) lastUsed() int64 { return max(e.used.Load(), e.Created.Unix()) }

// CheckName returns an error for an unusable name of a grant.
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

// Add makes a grant for a player and returns its secret, which is not available
// later. It returns ErrExists when the account has a grant of that name.
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

// open makes a grant without a secret, for one sign-in. It ends with a process, if one is
// named.
func (g *Grants) open(account, name string, scope Scope, with Process) (Grant, error) {
	e := g.newEntry(account, name, KindSession, scope)
	e.ID, e.Process = randomID(), with
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

// makeRoom removes the account's sign-ins that are unused for too long, and the one
// unused for longest when there are too many.
func (g *Grants) makeRoom(list map[string]*entry, account string) {
	var sessions []*entry
	for id, e := range list {
		if e.Account != account || e.Kind != KindSession {
			continue
		}
		if g.now().Unix()-e.lastUsed() > int64(sessionIdleLimit/time.Second) {
			delete(list, id)
			continue
		}
		sessions = append(sessions, e)
	}
	// The newest of this start come last, and are out of the question.
	slices.SortFunc(sessions, func(a, b *entry) int { return cmp.Compare(a.order, b.order) })
	free := sessions[:max(0, len(sessions)-newestKept)]
	slices.SortFunc(free, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.lastUsed(), b.lastUsed()), cmp.Compare(a.order, b.order))
	})
	for i := 0; i <= len(sessions)-maxSessions; i++ {
		delete(list, free[i].ID)
	}
}

func (g *Grants) newEntry(account, name string, kind Kind, scope Scope) *entry {
	return &entry{
		Grant: Grant{Account: account, Name: name, Kind: kind, Scope: scope, Created: g.now().UTC().Truncate(time.Second)},
		used:  new(atomic.Int64),
		order: g.made.Add(1),
	}
}

// List returns the grants of an account, sorted by account and age. "" means all
// accounts.
func (g *Grants) List(account string) []Grant {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var all []Grant
	for _, e := range g.list {
		if (account == "" || e.Account == account) && !e.over() {
			all = append(all, e.grant())
		}
	}
	order.Stable(all, func(a, b Grant) int {
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

// Revoke removes a grant of the account, by its name or id. All its tokens are void
// at once. When several sign-ins have that name, all of them end.
func (g *Grants) Revoke(account, nameOrID string) error {
	err := g.change(func(list map[string]*entry) error {
		return drop(list, func(e *entry) bool { return e.Account == account && (e.Name == nameOrID || e.ID == nameOrID) })
	})
	if err != nil {
		return fmt.Errorf("revoke grant: %w", err)
	}
	return nil
}

// Forget removes all grants of the account. It is no error when there are none.
func (g *Grants) Forget(account string) error {
	err := g.change(func(list map[string]*entry) error {
		return drop(list, func(e *entry) bool { return e.Account == account })
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("revoke grants: %w", err)
	}
	return nil
}

// end ends the sign-in of c. A grant that was made for this sign-in ends too.
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

// change applies edit to a copy of the list and stores it. The change takes effect
// only when it is stored.
func (g *Grants) change(edit func(map[string]*entry) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := maps.Clone(g.list)
	maps.DeleteFunc(next, func(_ string, e *entry) bool { return e.over() })
	if err := edit(next); err != nil {
		return err
	}
	if err := g.store(next); err != nil {
		return err
	}
	g.list, g.origins = next, byOrigin(next)
	return nil
}
