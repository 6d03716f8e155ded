package home

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// Reach returns the way to the server of an account, by all addresses that the
// user has given it. Its error is a *problem.Problem.
func (h *Home) Reach(a accounts.Account) (*upstream.Upstream, error) {
	base, err := url.Parse(a.Server)
	if err != nil {
		return nil, problem.Newf(problem.Config, "sign in again", "account %s: %w", a.Name, redact.Error(err))
	}
	up, err := h.reachAny(a.Name, base)
	if err != nil {
		return nil, problem.New(problem.Config, fmt.Errorf("account %s: %w", a.Name, err), "correct "+h.Paths.Config)
	}
	if kept := withheld(h.Config.Upstream(a.Name), up.Addresses()); len(kept) > 0 {
		h.Log.Warn("the headers of config.toml are not sent to an address of plain http, where everybody on the way would read them; "+
			"name it in headers_for if they are meant for it", "account", a.Name, "addresses", kept)
	}
	return up, nil
}

// withheld are the addresses that get no header of config.toml since they are plain http
// and nobody has said that they may.
func withheld(u config.Upstream, addresses []*url.URL) (kept []string) {
	if len(u.Headers) == 0 || len(u.HeadersFor) > 0 {
		return nil
	}
	for _, a := range addresses {
		if !upstream.MaySend(u.HeadersFor, a) {
			kept = append(kept, a.String())
		}
	}
	return kept
}

// ReachOther returns the way to another address at which the account's server
// may be. The gateway's headers go to the same host only.
func (h *Home) ReachOther(a accounts.Account, base *url.URL) (*upstream.Upstream, error) {
	own, err := url.Parse(a.Server)
	return h.reach(a.Name, base, err == nil && strings.EqualFold(own.Hostname(), base.Hostname()))
}

// SessionConfig is what a session of the account needs that lies here; Board
// and StayAwake are the caller's.
func (h *Home) SessionConfig(a accounts.Account, up *upstream.Upstream) session.Config {
	base := up.Base()
	return session.Config{
		VaultSignals: keychain.Signals && a.Store == string(keychain.OS),
		Account:      a.Name, Base: base, ServerVersion: a.ServerVersion, Vault: lazyVault{h},
		Connect: func() session.Conn { return up.Private() }, Budget: h.budget(base), Log: h.Log,
		History: h.history(a.Name), Peers: func() []history.Peer { return h.peers(a) },
	}
}

// budget returns the one budget of the server at base.
func (h *Home) budget(base *url.URL) *budget.Budget {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.budgetsLocked().Of(base)
}

// budgetsLocked returns the budgets of all servers. h.mu must be held.
func (h *Home) budgetsLocked() *budget.Budgets {
	if h.budgets == nil {
		path := filepath.Join(h.Paths.State, "budgets.json")
		if h.Backend == keychain.Memory {
			path = ""
		}
		h.budgets = budget.Open(path)
	}
	return h.budgets
}

// shareBudget makes two addresses of one server share its budget before both have
// answered.
func (h *Home) shareBudget(base, other *url.URL) {
	h.mu.Lock()
	all := h.budgetsLocked()
	h.mu.Unlock()
	all.Same(time.Now(), base, other)
}

// reach returns the way to base for the account of that name. withHeaders:
// base is the account's own server, which may see the gateway's headers.
func (h *Home) reach(account string, base *url.URL, withHeaders bool) (*upstream.Upstream, error) {
	return upstream.New(h.policy(account, base, withHeaders))
}

// reachThrough is reach through a gateway whose settings need not be kept yet.
func (h *Home) reachThrough(account string, base *url.URL, withHeaders bool, g upstream.Gateway) (*upstream.Upstream, error) {
	p := h.policy(account, base, withHeaders)
	if p.Gateway, p.Sealed = g, nil; !withHeaders {
		p.Gateway = g.WithoutSecrets()
	}
	return upstream.New(p)
}

// reachAny is reach for the account's own server by all addresses that the
// user has given it. A list without base is another server's.
func (h *Home) reachAny(account string, base *url.URL) (*upstream.Upstream, error) {
	p := h.policy(account, base, true)
	u := h.Config.Upstream(account)
	own := func(a *url.URL) bool { return strings.EqualFold(strings.TrimRight(base.String(), "/"), a.String()) }
	if len(u.Addresses) > 0 && !slices.ContainsFunc(u.Addresses, own) {
		h.Log.Warn("the addresses in config.toml do not name the account's own and are not used", "account", account, "server",
			redact.URL(base))
		return upstream.New(p)
	}
	for _, a := range u.Addresses {
		h.shareBudget(base, a)
	}
	p.Addresses, p.TrustHTTP = u.Addresses, u.TrustHTTP
	return upstream.New(p)
}

// policy says how base is reached; see reach.
func (h *Home) policy(account string, base *url.URL, withHeaders bool) upstream.Policy {
	u := h.Config.Upstream(account)
	p := upstream.Policy{Base: base, CAFile: u.CAFile, ProxyURL: u.Proxy.Reveal(), UserAgent: h.Config.UserAgent, Dial: h.Dial}
	if withHeaders {
		p.Headers, p.HeadersFor = u.Headers, u.HeadersFor
	}
	p.Sealed = func(ctx context.Context) (upstream.Gateway, error) {
		g, err := h.gateway(ctx, account)
		if !withHeaders {
			g = g.WithoutSecrets()
		}
		return g, err
	}
	if p.UserAgent == "" {
		// Seen in the server's list of sessions and in its log.
		p.UserAgent = "Shelfkeeper/" + h.Version + " (" + runtime.GOOS + ")"
	}
	return p
}
