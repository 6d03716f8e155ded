// Package accounts remembers which accounts the user has signed in to, under
// which name and on which port: everything about them that is not secret.
//
// It exists so that names and ports stay the same for good, since players
// hold the address and the keychain holds the name. It never stores a
// password or token, never repairs or replaces a file it cannot read, and
// never changes one that a newer version has written.
package accounts

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"shelfkeeper/daemon/hostname"
)

const (
	// DefaultPort is the first account's unless the user configures another.
	DefaultPort = 13379
	// StatusPort is the status page's own; no account gets it.
	StatusPort = 13380
	// furtherPort is where the search for a second account's port begins.
	furtherPort = 13381
)

// Method is how an account signs in.
type Method string

const (
	Password Method = "password"
	OIDC     Method = "oidc"
	APIKey   Method = "api-key" // does not expire unless the server's admin said so
	Legacy   Method = "legacy"  // the never-expiring token of servers before 2.26
)

// Account is one user on one server.
type Account struct {
	Name          string    `json:"name"`            // see CheckName; under it lies all that is kept of the account
	Alias         string    `json:"alias,omitempty"` // the name that the user has given it since; "" for none
	Server        string    `json:"server"`          // base URL without a slash at the end
	ServerVersion string    `json:"server_version"`  // as last seen; "" unknown
	Username      string    `json:"username"`        // for people; may be renamed on the server
	UserID        string    `json:"user_id"`         // what the server's tokens carry
	Method        Method    `json:"method"`
	Port          int       `json:"port"`  // where players reach it
	Store         string    `json:"store"` // "os", "file" or "memory"; never changed silently
	AllowHTTP     bool      `json:"allow_http"`
	CreatedAt     time.Time `json:"created_at"`
}

// Shown is the name by which people know the account.
func (a Account) Shown() string {
	if a.Alias != "" {
		return a.Alias
	}
	return a.Name
}

// called reports whether name means the account. A name that it had before goes on
// meaning it.
func (a Account) called(name string) bool { return a.Name == name || a.Alias == name && name != "" }

// ProxyURL is the address at which players reach the account.
func (a Account) ProxyURL() string { return ProxyURL(a.Port) }

// ProxyURL is the address at which players reach the account of that port.
func ProxyURL(port int) string {
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}).String()
}

// Errors of this package, beside those of the operating system.
var (
	ErrInvalid  = errors.New("invalid account")
	ErrExists   = errors.New("account exists already")
	ErrNotFound = errors.New("no such account")
	ErrPort     = errors.New("port not available")
)

// normal returns a as it is stored, or ErrInvalid. The address is not repeated
// in the error: it is refused when it holds a password.
func (a Account) normal() (Account, error) {
	if err := CheckName(a.Name); err != nil {
		return a, err
	}
	if a.Alias != "" {
		if err := CheckName(a.Alias); err != nil {
			return a, err
		}
	}
	server, err := normalServer(a.Server)
	if err != nil {
		return a, err
	}
	a.Server = server
	switch a.Method {
	case Password, OIDC, APIKey, Legacy:
	default:
		return a, fmt.Errorf("%w: unknown method %q", ErrInvalid, a.Method)
	}
	switch a.Store {
	case "os", "file", "memory":
	default:
		return a, fmt.Errorf("%w: unknown store %q", ErrInvalid, a.Store)
	}
	if a.Port < 1 || a.Port > 65535 || a.Port == StatusPort {
		return a, fmt.Errorf("%w: %d cannot be an account's port", ErrInvalid, a.Port)
	}
	a.CreatedAt = a.CreatedAt.UTC().Round(0) // no monotonic part, so that it equals what is read back
	return a, nil
}

func normalServer(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%w: the server's address must be http:// or https:// and a host", ErrInvalid)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%w: the server's address must not hold a user, password or query", ErrInvalid)
	}
	u.Host = hostname.Lower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

// nextPort returns first (0: DefaultPort) if no account has it and it is
// usable, else the lowest such port from 13381 on; 0 when there is none left.
func nextPort(list []Account, first int, usable func(port int) bool) int {
	used := map[int]bool{StatusPort: true}
	for _, a := range list {
		used[a.Port] = true
	}
	if first == 0 {
		first = DefaultPort
	}
	for port := furtherPort; used[first] || usable != nil && !usable(first); port++ {
		if port > 65535 {
			return 0
		}
		first = port
	}
	return first
}
