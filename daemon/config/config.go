// Package config reads the user's config.toml and knows where the program's
// files lie.
//
// It exists so that a mistake in a file that people edit by hand is answered
// with its line and its key, before anything starts. It never writes
// config.toml and never guesses: a file that is half written, or holds a key
// nobody reads, is refused as a whole. What the program itself remembers
// (accounts, ports, grants) is not here but in files of its own in state.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
)

const (
	// DefaultListen is the port at which players reach the first account.
	DefaultListen = 13379
	// StatusPort is the port of the status page, unless page_port says another.
	StatusPort = 13380

	// maxSize is far above any file a person writes; it keeps a path that
	// was mistyped as a device or a log from being read to its end.
	maxSize = 256 << 10
)

// LocalAccess says which local programs may use an account without a grant.
type LocalAccess string

const (
	AccessUser  LocalAccess = "user"  // every program of the same user of this machine
	AccessGrant LocalAccess = "grant" // only programs that present a grant
)

// Store names where sessions are kept.
type Store string

const (
	StoreOS   Store = "os"   // the keychain of the desktop
	StoreFile Store = "file" // a file sealed with a passphrase
)

// IconClick names what a click opens.
type IconClick string

const (
	ClickPage           IconClick = "page"           // the status page
	ClickAudiobookshelf IconClick = "audiobookshelf" // Audiobookshelf as the first account
)

// Config is a valid configuration. It does not change after Load and may be
// shared; printing it shows no secret.
type Config struct {
	LogLevel    slog.Level
	Listen      int // port of the first account, 1 to 65535 and not PagePort
	PagePort    int // of the status page, 1 to 65535
	LocalAccess LocalAccess
	ListenExtra []netip.Addr // of this machine in other networks, where everybody needs a grant
	// ExtraHTTP are those of them at which plain http is spoken: networks that do not
	// leave this machine. At the others it is https, with the certificate in ExtraCert
	// and its key in ExtraKey; "" is one that is made here.
	ExtraHTTP           []netip.Addr
	ExtraCert, ExtraKey string
	ExtraHosts          []string // names for this machine that players there use
	// TrustedOrigins are the origins of programs in a webview that count as local
	// programs, in lower case.
	TrustedOrigins []string
	Store          Store  // for accounts that are signed in from now on
	UserAgent      string // "" leaves the choice to the program
	Notifications  bool   // messages of the desktop when an account needs its user

	// IconClick is what a click on the tray's icon opens, where a panel shows no
	// menu for it.
	IconClick IconClick

	// ListenGiven reports whether Listen stands in the file.
	ListenGiven bool

	upstream layer
	accounts map[string]accountConfig
	given    map[string]any // what the file says; nil unless LoadWith has read it
}

// accountConfig is what the file says of one account.
type accountConfig struct {
	listen   int // 0 for none
	upstream layer
	place    *Error // where it stands, to be completed with what is wrong
}

// Default returns what holds without a file.
func Default() Config {
	return Config{LogLevel: slog.LevelInfo, Listen: DefaultListen, PagePort: StatusPort, LocalAccess: AccessUser, Store: StoreOS,
		Notifications: true, IconClick: ClickPage}
}

// Load reads the file at path. A file that does not exist gives Default. Every
// other trouble, a link into nowhere included, is an *Error and no Config may
// be used.
func Load(path string) (Config, error) {
	data, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A dangling link is a file somebody meant to be read.
		if _, lerr := os.Lstat(path); lerr == nil {
			return Config{}, &Error{File: path, Msg: "is a link to a file that does not exist", err: err}
		}
		return Default(), nil
	case err != nil:
		return Config{}, &Error{File: path, Msg: reason(err), err: err}
	}
	return parse(path, data)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("is larger than %d KiB: not a configuration", maxSize>>10)
	}
	// Editors on Windows put a byte order mark in front, which TOML refuses.
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

// ListenOf returns the port that the file gives an account; 0 for none.
func (c Config) ListenOf(account string) int { return c.accounts[account].listen }

// Called returns the configuration with the settings of accounts that are called
// otherwise by now, by the names under which they are kept.
func (c Config) Called(kept map[string]string) Config {
	c.accounts = maps.Clone(c.accounts)
	for shown, name := range kept {
		if one, ok := c.accounts[shown]; ok {
			c.accounts[name] = one
			delete(c.accounts, shown)
		}
	}
	return c
}

// CheckAccounts returns an *Error for the first name under [accounts] that is
// not among known. Only the caller can tell a slip from an account that is
// configured before its first sign-in.
func (c Config) CheckAccounts(known []string) error {
	var first *Error
	for name, a := range c.accounts {
		if slices.Contains(known, name) || first != nil && first.Line <= a.place.Line || c.given != nil && !c.Given("accounts", name) {
			continue // what was set for an account that is gone holds for nobody
		}
		e := *a.place
		e.Msg = "no account is called " + name + "; there are: " + strings.Join(known, ", ")
		for _, k := range known {
			if d := distance(name, k); d <= 2 && d < len(k) {
				e.Msg = "no account is called " + name + "; did you mean " + k + "?"
			}
		}
		first = &e
	}
	if first == nil {
		return nil
	}
	return first
}

// AccountNames returns the names under [accounts] in order. They need not be
// names of accounts that exist; see CheckAccounts.
func (c Config) AccountNames() []string {
	return slices.Sorted(maps.Keys(c.accounts))
}
