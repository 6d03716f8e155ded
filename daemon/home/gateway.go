package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// The settings of an account's gateway lie in the sealed part of the vault, which has
// no limit of a keychain's. Beside them lies a mark without content: an account that
// has none must not wait for a vault that is locked.

func gatewayItem(account string) string { return "gateway/" + account }

func (h *Home) gatewayMark(account string) string {
	return filepath.Join(h.Paths.State, "gateways", account)
}

// gateway returns the settings of an account's gateway, none for an account without.
func (h *Home) gateway(ctx context.Context, account string) (upstream.Gateway, error) {
	if account == "" {
		return upstream.Gateway{}, nil
	}
	if _, err := os.Stat(h.gatewayMark(account)); errors.Is(err, fs.ErrNotExist) {
		return upstream.Gateway{}, nil
	} else if err != nil {
		return upstream.Gateway{}, StateProblem(err)
	}
	vault, err := h.openVault(ctx, "")
	if err != nil {
		return upstream.Gateway{}, vaultProblem(err)
	}
	data, err := vault.Sealed(ctx, gatewayItem(account))
	switch {
	case errors.Is(err, keychain.ErrNotFound):
		return upstream.Gateway{}, nil // a change that was interrupted before its secrets were kept
	case err != nil:
		return upstream.Gateway{}, vaultProblem(err)
	}
	g, err := upstream.UnmarshalGateway(data)
	if err != nil {
		return g, gatewayProblem(err)
	}
	return g, nil
}

// keepGateway stores the settings. The mark comes first and goes last, so that what
// the vault holds is always looked for.
func (h *Home) keepGateway(ctx context.Context, account string, g upstream.Gateway) error {
	if g.IsZero() {
		return h.forgetGateway(ctx, account)
	}
	data, err := g.Marshal()
	if err != nil {
		return gatewayProblem(err)
	}
	vault, err := h.openVault(ctx, "")
	if err != nil {
		return vaultProblem(err)
	}
	if err := os.MkdirAll(filepath.Dir(h.gatewayMark(account)), 0o700); err != nil {
		return StateProblem(err)
	}
	if err := durable.WriteFile(h.gatewayMark(account), nil, 0o600); err != nil {
		return StateProblem(err)
	}
	if err := vault.PutSealed(ctx, gatewayItem(account), data); err != nil {
		return vaultProblem(err)
	}
	return nil
}

// forgetGateway erases the settings of an account that has some.
func (h *Home) forgetGateway(ctx context.Context, account string) error {
	if _, err := os.Stat(h.gatewayMark(account)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	vault, err := h.openVault(ctx, "")
	if err == nil {
		err = vault.PutSealed(ctx, gatewayItem(account), nil)
	}
	if err != nil {
		return vaultProblem(err)
	}
	return h.unmarkGateway(account)
}

// unmarkGateway makes the settings unknown without the vault that holds them.
func (h *Home) unmarkGateway(account string) error {
	if err := durable.Remove(h.gatewayMark(account)); err != nil {
		return StateProblem(err)
	}
	return nil
}

// Gateway shows the settings of an account's gateway, without its secrets.
func (h *Home) Gateway(ctx context.Context, account string) (control.GatewayView, error) {
	if err := h.Book.Reload(); err != nil {
		return control.GatewayView{}, StateProblem(err)
	}
	a, err := h.accountNamed(account)
	if err != nil {
		return control.GatewayView{}, err
	}
	g, err := h.gateway(keychain.WithPrompt(ctx), a.Name)
	if err != nil {
		return control.GatewayView{}, err
	}
	return h.gatewayView(a, g), nil
}

// SetGateway changes the settings of an account's gateway. On an error they are as they
// were. Whoever serves the account reads them anew with Upstream.Reload.
func (h *Home) SetGateway(ctx context.Context, account string, change upstream.GatewayChange) (control.GatewayView, error) {
	if err := h.Book.Reload(); err != nil {
		return control.GatewayView{}, StateProblem(err)
	}
	a, err := h.accountNamed(account)
	if err != nil {
		return control.GatewayView{}, err
	}
	base, err := url.Parse(a.Server)
	if err != nil {
		return control.GatewayView{}, StateProblem(err)
	}
	ctx = keychain.WithPrompt(ctx)
	g, err := h.gateway(ctx, a.Name)
	if err != nil {
		return control.GatewayView{}, err
	}
	if g, err = g.With(change); err == nil {
		g, err = g.Bind(base)
	}
	if err == nil {
		err = h.tryGateway(a, base, g)
	}
	if err != nil {
		return control.GatewayView{}, gatewayProblem(err)
	}
	if err := h.keepGateway(ctx, a.Name, g); err != nil {
		return control.GatewayView{}, err
	}
	return h.gatewayView(a, g), nil
}

// tryGateway finds out whether the settings can be used with those of config.toml.
func (h *Home) tryGateway(a accounts.Account, base *url.URL, g upstream.Gateway) error {
	p := h.policy(a.Name, base, true)
	p.Gateway, p.Sealed = g, nil
	up, err := upstream.New(p)
	if err != nil {
		return err
	}
	up.Close()
	return nil
}

func gatewayProblem(err error) *problem.Problem {
	remedy := ""
	if strings.Contains(err.Error(), "newer version") {
		remedy = "start the newer version; nothing was changed"
	}
	return problem.New(problem.Usage, err, remedy)
}

// gatewayOf returns the settings that a sign-in begins with: those of the account that
// is meant, or of the one account at the host that was typed.
func (h *Home) gatewayOf(ctx context.Context, req control.SignInRequest) (upstream.Gateway, error) {
	account := req.Account
	if account == "" {
		typed := hostOf(req.Server)
		for _, a := range h.Book.All() {
			if u, err := url.Parse(a.Server); err == nil && typed != "" && hostname.Canonical(u.Hostname()) == typed {
				account = a.Name
				break
			}
		}
	}
	g, err := h.gateway(ctx, account)
	if err != nil {
		return g, err
	}
	if g, err = g.With(req.Gateway); err != nil {
		return g, gatewayProblem(err)
	}
	return g, nil
}

// hostOf is the host of an address as a person types it.
func hostOf(typed string) string {
	typed = strings.TrimSpace(typed)
	if !strings.Contains(typed, "://") {
		typed = "https://" + typed
	}
	u, err := url.Parse(typed)
	if err != nil {
		return ""
	}
	return hostname.Canonical(u.Hostname())
}

// bindGateway binds new secrets to the server that was found, before any is kept.
func (in *signIn) bindGateway() error {
	g, err := in.gateway.Bind(in.server.Base)
	if err != nil {
		return gatewayProblem(err)
	}
	in.gateway = g
	return nil
}

// keepGateway keeps the settings that the sign-in went through with. Those of a server
// whose account was replaced belong to nobody any more.
func (in *signIn) keepGateway(ctx context.Context, account string, replaced bool) error {
	g := in.gateway
	if replaced {
		var err error
		if g, err = (upstream.Gateway{}).With(in.req.Gateway); err == nil {
			g, err = g.Bind(in.server.Base)
		}
		if err != nil {
			return fmt.Errorf("keep the gateway's settings: %w", err)
		}
	} else if in.req.Gateway.IsZero() {
		return nil
	}
	return in.home.keepGateway(ctx, account, g)
}
