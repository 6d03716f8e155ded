package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/openid"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// Options say where a Home lies and what it may use.
type Options struct {
	Version string
	Paths   config.Paths
	Config  config.Config
	// Backend of the vault; empty for the one it remembers, or the
	// configuration's where it remembers none.
	Backend keychain.Backend
	// Passphrase is asked for when a vault of the file backend is opened.
	Passphrase func(context.Context) (redact.Secret, error)
	// Helper is the command line of a child that runs keychain.RunOp.
	Helper []string
	// Control is the path of the control socket; empty for the usual one.
	Control string
	// Dial stands in for the network towards servers in tests; nil for the
	// real one.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Log  *slog.Logger
}

// ControlPath is where the control socket lies unless told otherwise.
func ControlPath(p config.Paths) string { return filepath.Join(p.Runtime, "control.sock") }

// Home is everything that lies on disk: accounts, grants, the vault, budgets.
// The daemon lives in one; a command that finds no daemon opens one for
// itself. It is safe for concurrent use, and several processes may have the
// same one open.
type Home struct {
	Options
	Book   *accounts.Book
	Grants *players.Grants

	mu      sync.Mutex
	vault   *keychain.Vault
	budgets *session.Budgets
	known   map[string]*players.Identities // by account
	flows   []*openid.Flow                 // sign-ins that wait for a person; replaced at each change

	histories histories
}

// OpenHome reads what is not secret. The vault is opened when it is first
// needed, since a keychain may take its time or a prompt.
func OpenHome(o Options) (*Home, error) {
	if err := o.Paths.Create(); err != nil {
		return nil, stateProblem(err)
	}
	book, err := accounts.Open(o.Paths.State)
	if err != nil {
		return nil, stateProblem(err)
	}
	grants, err := players.OpenGrants(filepath.Join(o.Paths.State, "grants.json"))
	if err != nil {
		return nil, stateProblem(err)
	}
	return &Home{Options: o, Book: book, Grants: grants, known: map[string]*players.Identities{}}, nil
}

// Close closes the vault and the grants.
func (h *Home) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.Grants.Close()
	if h.vault == nil {
		return err
	}
	return errors.Join(err, h.vault.Close())
}

// openVault returns the one vault. backend is the user's wish; empty for what
// the directory remembers.
func (h *Home) openVault(ctx context.Context, backend keychain.Backend) (*keychain.Vault, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.vault != nil {
		if backend != "" && backend != h.vault.Backend() {
			return nil, backendProblem(h.vault.Backend(), backend)
		}
		return h.vault, nil
	}
	o := keychain.Options{Backend: backend, Dir: filepath.Join(h.Paths.State, "vault"), Helper: h.Helper, Log: h.Log}
	if o.Backend == "" {
		o.Backend = h.Backend
	}
	if o.Backend == "" {
		known, err := keychain.Remembered(o.Dir)
		if err != nil {
			return nil, err
		}
		if o.Backend = known; known == "" {
			o.Backend = keychain.Backend(h.Config.Store)
		}
	}
	if o.Backend == keychain.File {
		var err error
		if o.Passphrase, err = h.Passphrase(ctx); err != nil {
			return nil, err
		}
	}
	v, err := keychain.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	h.vault = v
	return v, nil
}

// budget returns the one budget of the server at base.
func (h *Home) budget(base *url.URL) *session.Budget {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.budgets == nil {
		path := filepath.Join(h.Paths.State, "budgets.json")
		if h.Backend == keychain.Memory {
			path = ""
		}
		h.budgets = session.OpenBudgets(path)
	}
	return h.budgets.Of(base)
}

// reach returns the way to base for the account of that name. withHeaders:
// base is the account's own server, which may see the gateway's headers.
func (h *Home) reach(account string, base *url.URL, withHeaders bool) (*upstream.Upstream, error) {
	return upstream.New(h.policy(account, base, withHeaders))
}

// reachAny is reach for the account's own server by all addresses that the
// user has given it. A list without base is another server's.
func (h *Home) reachAny(account string, base *url.URL) (*upstream.Upstream, error) {
	p := h.policy(account, base, true)
	u := h.Config.Upstream(account)
	own := func(a *url.URL) bool { return strings.EqualFold(strings.TrimRight(base.String(), "/"), a.String()) }
	if len(u.Addresses) > 0 && !slices.ContainsFunc(u.Addresses, own) {
		h.Log.Warn("the addresses in config.toml do not name the account's own and are not used", "account", account, "server", redact.URL(base))
		return upstream.New(p)
	}
	p.Addresses, p.TrustHTTP = u.Addresses, u.TrustHTTP
	return upstream.New(p)
}

// policy says how base is reached; see reach.
func (h *Home) policy(account string, base *url.URL, withHeaders bool) upstream.Policy {
	u := h.Config.Upstream(account)
	p := upstream.Policy{Base: base, CAFile: u.CAFile, ProxyURL: u.Proxy.Reveal(), UserAgent: h.Config.UserAgent, Dial: h.Dial}
	if withHeaders {
		p.Headers = u.Headers
	}
	if p.UserAgent == "" {
		// Seen in the server's list of sessions and in its log.
		p.UserAgent = "Shelfkeeper/" + h.Version + " (" + runtime.GOOS + ")"
	}
	return p
}

// vaultOf lets a session start before the vault is open: the first call opens
// it, in the session's own goroutine and time.
type vaultOf struct{ home *Home }

func (v vaultOf) Acquire(ctx context.Context, account string) (func(), error) {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return nil, err
	}
	return vault.Acquire(ctx, account)
}

func (v vaultOf) Load(ctx context.Context, account string) (keychain.Record, error) {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return keychain.Record{}, err
	}
	return vault.Load(ctx, account)
}

func (v vaultOf) Commit(ctx context.Context, rec keychain.Record) error {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return err
	}
	return vault.Commit(ctx, rec)
}

func (v vaultOf) Settle(ctx context.Context, account string) error {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return err
	}
	return vault.Settle(ctx, account)
}

func (v vaultOf) Forget(ctx context.Context, account string) error {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return err
	}
	return vault.Forget(ctx, account)
}
