package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// signInDeadline bounds a whole sign-in with its discovery, and leaves a
// person time to answer a prompt of the keychain.
const signInDeadline = 5 * time.Minute

// SignIn finds the server, signs in with the password and keeps the session:
// in the vault first, then in the accounts. Its error is a *problem.Problem,
// and then nothing has changed here.
func (h *Home) SignIn(ctx context.Context, req control.SignInRequest) (control.SignInAnswer, error) {
	ctx, cancel := context.WithTimeout(keychain.WithPrompt(ctx), signInDeadline)
	defer cancel()
	if req.Account != "" {
		if err := accounts.CheckName(req.Account); err != nil {
			return control.SignInAnswer{}, problem.New(problem.Usage, err, "")
		}
	}
	if err := h.Book.Reload(); err != nil {
		return control.SignInAnswer{}, stateProblem(err)
	}
	server, err := h.discover(ctx, req)
	if err != nil {
		return control.SignInAnswer{}, err
	}
	vault, err := h.openVault(ctx, keychain.Backend(req.Store))
	if err != nil {
		return control.SignInAnswer{}, vaultProblem(err)
	}
	account, known := h.accountFor(req, server)
	warnings := notes(server)

	up, err := h.reach(account.Name, server.Base, true)
	if err != nil {
		return control.SignInAnswer{}, serverProblem(err)
	}
	defer up.Close()
	conn := up.Private()
	defer conn.Close()
	result, err := session.SignIn{
		Account: account.Name, Server: server.Base.String(), Username: req.Username, Password: req.Password, Keep: req.Keep,
		SameServer: known && sameOrigin(account.Server, server.Base),
		Vault:      vault, Budget: h.budget(server.Base), Client: absapi.New(conn, server.Base),
	}.Do(ctx)
	var inVault *session.VaultError
	switch {
	case errors.As(err, &inVault):
		return control.SignInAnswer{}, vaultProblem(inVault.Err)
	case err != nil:
		return control.SignInAnswer{}, serverProblem(err)
	}
	for _, file := range result.SetAside {
		warnings = append(warnings, fmt.Sprintf("an earlier session could not be read; it is kept as %s in the vault", file))
	}
	if result.SlotPending != nil {
		warnings = append(warnings, fmt.Sprintf("the session is safe on disk, but the keychain did not take it yet: %v", result.SlotPending))
	}

	account.Server, account.ServerVersion = server.Base.String(), server.Version
	account.Username, account.UserID = result.Answer.Username, result.Answer.UserID
	account.Method, account.Store, account.AllowHTTP = accounts.Password, string(vault.Backend()), req.AllowHTTP
	// The session is kept already: whoever gives up waiting now must still
	// find the account.
	if account, err = h.keepAccount(context.WithoutCancel(ctx), account, known); err != nil {
		return control.SignInAnswer{}, stateProblem(err)
	}
	answer := control.SignInAnswer{
		Account: account.Name, Server: account.Server, ServerVersion: account.ServerVersion, User: result.Answer.Username,
		ProxyURL: proxyURL(account.Port), Warnings: warnings,
	}
	switch grant, err := h.Grants.Add(account.Name, players.FirstName, players.ScopeListen); {
	case err == nil:
		answer.Grant = grant.Reveal()
	case !errors.Is(err, players.ErrExists):
		return control.SignInAnswer{}, stateProblem(err)
	}
	return answer, nil
}

// discover finds the server behind what the user typed, and refuses to go on
// where a password would travel in the clear.
func (h *Home) discover(ctx context.Context, req control.SignInRequest) (absapi.Server, error) {
	var first string // the gateway's headers go to the typed host, not to where it points
	server, err := absapi.Discover(ctx, func(base *url.URL) (absapi.Doer, func(), error) {
		if first == "" {
			first = base.Hostname()
		}
		plain, _ := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, base)
		up, err := h.reach(req.Account, base, base.Hostname() == first && (plain || req.AllowHTTP))
		if err != nil {
			return nil, nil, err
		}
		conn := up.Private()
		return conn, func() { conn.Close(); up.Close() }, nil
	}, req.Server)
	if err != nil {
		return absapi.Server{}, serverProblem(err)
	}
	if server.Base.Hostname() != first && len(h.Config.Upstream(req.Account).Headers) > 0 {
		return absapi.Server{}, problem.Newf(problem.Config, fmt.Sprintf("sign in with the address %s, if the headers are meant for it", server.Base),
			"%s points to %s, and the headers of config.toml go to no host that you did not name", first, server.Base.Hostname())
	}
	if !server.Initialised {
		return absapi.Server{}, problem.Newf(problem.Unreachable, "open it in a browser and create its first user",
			"%s is an Audiobookshelf that was never set up", server.Base)
	}
	if len(server.AuthMethods) > 0 && !slices.Contains(server.AuthMethods, "local") {
		return absapi.Server{}, problem.Newf(problem.Rejected, "ask the server's admin to switch on password sign-in",
			"%s offers no password sign-in", server.Base)
	}
	if ok, why := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, server.Base); !ok && !req.AllowHTTP {
		return absapi.Server{}, problem.Newf(problem.Usage, "use https, or accept it with --allow-http",
			"the password would travel unencrypted to %s: %s", server.Base.Host, why)
	}
	return server, nil
}

// notes are what the user should know of the server.
func notes(server absapi.Server) (warnings []string) {
	if len(server.Redirected) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s points to %s, which is used from now on", server.Redirected[0], server.Base))
	}
	if !absapi.SupportsRefresh(server.Version) {
		warnings = append(warnings, fmt.Sprintf("Audiobookshelf %s is older than 2.26 and knows no refresh tokens", server.Version))
	}
	return warnings
}

// accountFor returns the account that the sign-in is for, with its name, and
// whether it exists.
func (h *Home) accountFor(req control.SignInRequest, server absapi.Server) (accounts.Account, bool) {
	if req.Account != "" {
		if a, ok := h.Book.Get(req.Account); ok {
			return a, true
		}
		return accounts.Account{Name: req.Account}, false
	}
	if a, ok := h.Book.Find(server.Base.String(), req.Username); ok {
		return a, true
	}
	return accounts.Account{Name: h.Book.NameFor(server.Base.String(), req.Username)}, false
}

func (h *Home) keepAccount(ctx context.Context, a accounts.Account, known bool) (accounts.Account, error) {
	if !known {
		return h.Book.Add(ctx, a, h.Config.Listen)
	}
	return a, h.Book.Put(ctx, a)
}

func sameOrigin(server string, base *url.URL) bool {
	u, err := url.Parse(server)
	return err == nil && u.Scheme == base.Scheme && u.Host == base.Host && strings.TrimRight(u.Path, "/") == strings.TrimRight(base.Path, "/")
}

func proxyURL(port int) string {
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", fmt.Sprint(port))}).String()
}
