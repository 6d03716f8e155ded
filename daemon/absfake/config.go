package absfake

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// ErrConfig is wrapped by New for a Config that no server can have.
var ErrConfig = errors.New("absfake: bad configuration")

// Defaults of the real server (server/utils/rateLimiterFactory.js) and of the
// sample library.
const (
	defaultLimiterMax    = 40
	defaultLimiterWindow = 10 * time.Minute
	defaultLarge         = 200 << 20
	defaultLedgerSize    = 20_000

	// maxLarge keeps the size within the 32 bits of a WAV header.
	maxLarge = 4<<30 - 1<<20
	minLarge = 1 << 10
)

// Config says which server to be. The zero value is the newest release with the
// root user "demo", password "demo".
type Config struct {
	Release Release // "": Newest

	// AccessTTL and RefreshTTL are the lifetimes of tokens; 0 is the release's
	// own. They are cut to whole seconds, as a JWT's times are.
	AccessTTL, RefreshTTL time.Duration

	// Grace is how long the previous refresh token still works, on a release
	// that lets it be set; 0 is its default. Other releases ignore it, as they
	// ignore REFRESH_TOKEN_GRACE_PERIOD.
	Grace time.Duration

	LimiterMax    int           // auth requests per window and address; 0: 40, below 0: no limiter
	LimiterWindow time.Duration // 0: ten minutes

	// BasePath is ROUTER_BASE_PATH, for example "/audiobookshelf". The bare
	// paths answer too.
	BasePath string

	Users         []User // nil: root "demo" with password "demo"
	Uninitialised bool   // no users until POST /init

	// NoLibrary: no library has been made yet, and there are no items.
	NoLibrary bool

	// WebClient: the server's web client is installed. The double shows a page of
	// its own in its place, or what WebPage returns.
	WebClient bool
	WebPage   func(*Server) string

	// Books are the whole library; nil: ten samples, two of them of a known kind.
	Books []Book

	// Podcasts: beside the books there is a library of podcasts, with one podcast
	// of three episodes. With NoLibrary there is neither.
	Podcasts bool

	// Outbound is how the server reaches an OpenID provider; nil: not at all.
	Outbound http.RoundTripper

	Large      int64  // bytes of the large sample file; 0: 200 MiB
	Secret     []byte // signs the tokens; nil: random
	LedgerSize int    // entries the ledger keeps; 0: 20,000

	// Seed makes faults with a probability and other chance repeatable. Equal
	// seeds give equal choices for equal sequences of requests.
	Seed uint64

	Log *slog.Logger // nil: silent. Tokens and passwords are never logged
}

// User is an account of the server at its start.
type User struct {
	Name     string
	Password string // empty is allowed for root only, as on the real server
	Type     string // "root", "admin" or "user"; "": "user"
	Disabled bool
}

// withDefaults returns the configuration with its empty fields filled in, and
// what is special about its release.
func (c Config) withDefaults() (Config, facts, error) {
	f, err := factsOf(c.Release)
	if err != nil {
		return c, f, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c.Release = f.release
	c.AccessTTL = cmp.Or(c.AccessTTL, f.accessTTL)
	c.RefreshTTL = cmp.Or(c.RefreshTTL, f.refreshTTL)
	if c.Grace == 0 || !f.graceIsEnv {
		c.Grace = f.grace
	}
	c.LimiterMax = cmp.Or(c.LimiterMax, defaultLimiterMax)
	c.LimiterWindow = cmp.Or(c.LimiterWindow, defaultLimiterWindow)
	c.Large = cmp.Or(c.Large, defaultLarge)
	if c.LedgerSize <= 0 {
		c.LedgerSize = defaultLedgerSize
	}
	if c.Users == nil {
		c.Users = []User{{Name: "demo", Password: "demo", Type: "root"}}
	}
	for i, u := range c.Users {
		c.Users[i].Type = cmp.Or(u.Type, "user")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, f, c.check()
}

// check returns ErrConfig for a configuration that no server can have.
func (c Config) check() error {
	for _, d := range []time.Duration{c.AccessTTL, c.RefreshTTL, c.Grace, c.LimiterWindow} {
		if d < 0 {
			return fmt.Errorf("%w: a negative duration (%v)", ErrConfig, d)
		}
	}
	for _, d := range []time.Duration{c.AccessTTL, c.RefreshTTL} {
		if d < time.Second {
			return fmt.Errorf("%w: a token lifetime of %v; a JWT counts whole seconds", ErrConfig, d)
		}
	}
	if c.Large < minLarge || c.Large > maxLarge {
		return fmt.Errorf("%w: a large file of %d bytes; between %d and %d fit a WAV", ErrConfig, c.Large, minLarge, maxLarge)
	}
	if c.BasePath != "" && (!strings.HasPrefix(c.BasePath, "/") || strings.HasSuffix(c.BasePath, "/")) {
		return fmt.Errorf("%w: base path %q must begin with a slash and not end with one", ErrConfig, c.BasePath)
	}
	for _, u := range c.Users {
		if u.Type != "root" && u.Type != "admin" && u.Type != "user" {
			return fmt.Errorf("%w: user %q has the unknown type %q", ErrConfig, u.Name, u.Type)
		}
		if u.Name == "" {
			return fmt.Errorf("%w: a user without a name", ErrConfig)
		}
	}
	return nil
}
