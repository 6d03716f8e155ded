package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/proxy"
)

// WithPort returns a with the port at which it is served: that of config.toml
// where the file gives it one.
func (h *Home) WithPort(a accounts.Account) accounts.Account {
	if port := h.Config.ListenOf(a.Name); port != 0 {
		a.Port = port
	}
	return a
}

// checkPort makes sure, before anything secret leaves, that a new account will
// have a port at which it can be served. An account that is here keeps its own.
func (h *Home) checkPort(name string) error {
	if _, ok := h.Book.Get(name); ok {
		return nil
	}
	if port := h.Config.ListenOf(name); port != 0 {
		return portProblem(port, listenable(port), fmt.Sprintf("change `listen` of [accounts.%s] in %s", name, h.Paths.Config))
	}
	if h.listenWanted() {
		return h.checkListen(name)
	}
	if h.Book.NextPort(h.Config.Listen, h.usablePort) == 0 {
		return problem.Newf(problem.PortTaken, "end programs that listen", "no port from 13381 to 65535 is free on 127.0.0.1")
	}
	return nil
}

// listenWanted reports whether a new account gets `listen` of config.toml, and no
// other port: it is the first one, and the user has written the port down.
func (h *Home) listenWanted() bool { return h.Config.ListenGiven && len(h.Book.All()) == 0 }

// checkListen looks whether a first account can be served at `listen`.
func (h *Home) checkListen(name string) error {
	port, change := h.Config.Listen, "change `listen` in "+h.Paths.Config
	for _, other := range h.Config.AccountNames() {
		if other != name && h.Config.ListenOf(other) == port {
			return problem.Newf(problem.Config, change, "`listen` is %d, which [accounts.%s] has too", port, other)
		}
	}
	return portProblem(port, listenable(port), change)
}

// addAccount lists a new account. The port that the user has written down for it
// was looked at before anything secret left. It is taken without another look:
// somebody else may just be looking at it, and another port would surprise. If a
// program has it by then, that is a condition of the account.
func (h *Home) addAccount(ctx context.Context, a accounts.Account) (accounts.Account, error) {
	usable := h.usablePort
	if h.listenWanted() {
		usable = func(port int) bool { return port == h.Config.Listen || h.usablePort(port) }
	}
	return h.Book.Add(ctx, a, h.Config.Listen, usable)
}

// usablePort reports whether a new account can be served at the port: no other
// program has it, and config.toml gives it to no account.
func (h *Home) usablePort(port int) bool {
	if port == h.Config.PagePort {
		return false
	}
	for _, name := range h.Config.AccountNames() {
		if h.Config.ListenOf(name) == port {
			return false
		}
	}
	return listenable(port) == nil
}

func listenable(port int) error {
	return proxy.CheckListen(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

// portProblem explains err, which kept the port from being opened; nil for nil.
// change says where another port can be chosen.
func portProblem(port int, err error, change string) error {
	var taken *proxy.PortTaken
	switch {
	case err == nil:
		return nil
	case errors.As(err, &taken):
		return problem.New(problem.PortTaken, err, "end that program, or "+change)
	case errors.Is(err, fs.ErrPermission):
		return problem.New(problem.PortTaken, fmt.Errorf("no permission to listen on port %d: %w", port, err),
			"choose a port from 1024 on: "+change)
	}
	return problem.New(problem.PortTaken, err, change)
}

// CheckConfig compares config.toml with the accounts: a table of an account that
// is not here is a slip that would do nothing. Its error is a *problem.Problem.
func (h *Home) CheckConfig() error {
	var names []string
	given := false
	for _, a := range h.Book.All() {
		names = append(names, a.Name)
		given = given || h.WithPort(a).Port == h.Config.Listen
	}
	if h.ExposedConfig() {
		h.Log.Warn("other users of this machine can read the secrets in config.toml: `chmod go= FILE`, or move them into the vault with "+
			"`shelfkeeper account set NAME --header NAME`", "file", h.Paths.Config)
	}
	if len(names) == 0 {
		if given := h.Config.AccountNames(); len(given) > 0 {
			h.Log.Warn("config.toml has settings for accounts, and no account is signed in yet: they hold for these names alone",
				"accounts", given, "file", h.Paths.Config)
		}
		return nil
	}
	if err := h.Config.CheckAccounts(names); err != nil {
		return problem.New(problem.Config, err, "correct the name, or sign in to that account first: `shelfkeeper login URL "+
			"--account NAME`")
	}
	if h.Config.ListenGiven && !given {
		h.Log.Warn("`listen` in config.toml is the port of a first sign-in and moves no account that is here; "+
			"`shelfkeeper account set NAME --port N` does",
			"listen", h.Config.Listen, "accounts", names)
	}
	return nil
}

// SetPort gives an account another port, 0 for a free one, and returns the
// account as stored.
func (h *Home) SetPort(ctx context.Context, name string, port int) (accounts.Account, error) {
	if err := h.Book.Reload(); err != nil {
		return accounts.Account{}, StateProblem(err)
	}
	a, err := h.accountNamed(name)
	if err != nil {
		return a, err
	}
	if given := h.Config.ListenOf(a.Name); given != 0 {
		return a, problem.Newf(problem.Config, fmt.Sprintf("change `listen` of [accounts.%s] in %s, then start Shelfkeeper again",
			a.Name, h.Paths.Config),
			"%s gives the account %s the port %d", h.Paths.Config, a.Name, given)
	}
	if port == a.Port {
		return a, nil
	}
	const another = "choose another --port; 0 finds a free one"
	if port != 0 {
		for _, name := range h.Config.AccountNames() {
			if h.Config.ListenOf(name) == port {
				return a, problem.Newf(problem.PortTaken, another, "%s gives the port %d to the account %s", h.Paths.Config, port, name)
			}
		}
		if port < 0 || port > 65535 {
			return a, problem.Newf(problem.Usage, another, "%d cannot be an account's port: ports go from 1 to 65535", port)
		}
		if port == accounts.StatusPort || port == h.Config.PagePort {
			return a, problem.Newf(problem.Usage, another, "%d cannot be an account's port: it is the status page's", port)
		}
	}
	for _, other := range h.Book.All() {
		if other.Port == port {
			return a, problem.Newf(problem.PortTaken, another, "the port %d belongs to the account %s", port, other.Name)
		}
	}
	if port != 0 {
		if err := portProblem(port, listenable(port), another); err != nil {
			return a, err
		}
	}
	if a, err = h.Book.SetPort(ctx, a.Name, port, h.usablePort); err != nil {
		return a, StateProblem(err)
	}
	return a, nil
}
