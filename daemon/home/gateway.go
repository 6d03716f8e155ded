package home

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/durable"
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
		return h.eraseGateway(ctx, account)
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
	err = durable.WriteFile(h.gatewayMark(account), nil, 0o600)
	if err == nil {
		err = durable.Remove(h.gatewayMark(account) + goneMark) // of an earlier account of that name
	}
	if err != nil {
		return StateProblem(err)
	}
	if err := vault.PutSealed(ctx, gatewayItem(account), data); err != nil {
		return vaultProblem(err)
	}
	return nil
}

// eraseGateway erases the settings of an account that has some.
func (h *Home) eraseGateway(ctx context.Context, account string) error {
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
	return stateProblem(durable.Remove(h.gatewayMark(account)))
}

// forgetGateway is eraseGateway for an account that is gone: what a locked vault holds
// is not read any more, and erased later.
func (h *Home) forgetGateway(ctx context.Context, account string) error {
	err := h.eraseGateway(ctx, account)
	if err == nil {
		return nil
	}
	h.Log.WarnContext(ctx, "the gateway's settings stay in the vault until it opens", "account", account, "reason", err)
	return h.unmarkGateway(account)
}

// goneMark ends the name of a mark whose account is gone, and whose settings the vault
// may still hold. Names of accounts have no dot.
const goneMark = ".gone"

// unmarkGateway makes the settings unknown without the vault that holds them.
func (h *Home) unmarkGateway(account string) error {
	err := os.Rename(h.gatewayMark(account), h.gatewayMark(account)+goneMark)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return stateProblem(err)
}

// finishGateways erases the settings of accounts that were forgotten without their vault.
func (h *Home) finishGateways(ctx context.Context) error {
	gone, err := filepath.Glob(h.gatewayMark("*") + goneMark)
	if err != nil || len(gone) == 0 {
		return err
	}
	remembered, err := keychain.Remembered(h.vaultDir())
	if err != nil {
		return err
	}
	for _, mark := range gone {
		if account := strings.TrimSuffix(filepath.Base(mark), goneMark); remembered != "" {
			vault, err := h.openVaultIf(ctx, "", h.existing)
			if err != nil {
				return err
			}
			switch _, err := vault.Sealed(ctx, gatewayItem(account)); {
			case errors.Is(err, keychain.ErrNotFound):
			case err != nil:
				return err
			default:
				if err := vault.PutSealed(ctx, gatewayItem(account), nil); err != nil {
					return err
				}
			}
		}
		if err := durable.Remove(mark); err != nil {
			return err
		}
	}
	return nil
}

// stateProblem is StateProblem, nil for nil.
func stateProblem(err error) error {
	if err == nil {
		return nil
	}
	return StateProblem(err)
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
