package home

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// signInDeadline bounds a whole sign-in with its discovery, and leaves a
// person time to answer a prompt of the keychain.
const signInDeadline = 5 * time.Minute

// SignIn finds the server, signs in with what the user gave and keeps the
// session: in the vault first, then in the accounts. Its error is a
// *problem.Problem, and then nothing has changed here.
func (h *Home) SignIn(ctx context.Context, req control.SignInRequest) (control.SignInAnswer, error) {
	ctx, cancel := context.WithTimeout(keychain.WithPrompt(ctx), signInDeadline)
	defer cancel()
	method := byPassword
	var token absapi.Token
	if !req.Token.IsEmpty() {
		var err error
		if method, token, err = methodOfToken(req.Token); err != nil {
			return control.SignInAnswer{}, err
		}
	}
	in, err := h.beginSignIn(ctx, req, method)
	if err != nil {
		return control.SignInAnswer{}, err
	}
	var means signin.Means = signin.ByPassword{
		Username: req.Username, Password: req.Password, Keep: req.Keep, Legacy: !absapi.SupportsRefresh(in.server.Version),
	}
	if method != byPassword {
		means = signin.ByToken{Token: req.Token}
	}
	answer, err := in.finish(ctx, means)
	if err != nil {
		return control.SignInAnswer{}, explainToken(err, token)
	}
	if method != byPassword && !token.ExpiresAt.IsZero() {
		answer.Warnings = append(answer.Warnings, "this token ends on "+token.ExpiresAt.Local().Format("2 January 2006")+"; sign in "+
			"with another one before")
	}
	return answer, nil
}

// signIn is one sign-in under way: the server is found and the vault is open.
type signIn struct {
	home   *Home
	req    control.SignInRequest
	method method
	server absapi.Server
	vault  *keychain.Vault
	// sameUser: only the user whose account it is may sign in.
	sameUser bool
	account  accounts.Account // as kept, once finished
}

// beginSignIn finds out whether there can be a session, and whether it could be
// kept, before anything secret leaves.
func (h *Home) beginSignIn(ctx context.Context, req control.SignInRequest, m method) (*signIn, error) {
	if req.Account != "" {
		if err := accounts.CheckName(req.Account); err != nil {
			return nil, problem.New(problem.Usage, err, "")
		}
	}
	if err := h.Book.Reload(); err != nil {
		return nil, StateProblem(err)
	}
	if err := h.checkPort(req.Account); err != nil {
		return nil, err
	}
	server, err := h.discover(ctx, req, m)
	if err != nil {
		return nil, err
	}
	vault, err := h.openVault(ctx, keychain.Backend(req.Store))
	if err == nil {
		err = vault.Prepare(ctx)
	}
	if err != nil {
		return nil, vaultProblem(err)
	}
	return &signIn{home: h, req: req, method: m, server: server, vault: vault}, nil
}

// finish obtains the session and keeps it: in the vault first, then in the
// accounts.
func (in *signIn) finish(ctx context.Context, means signin.Means) (control.SignInAnswer, error) {
	h, base := in.home, in.server.Base
	guess := in.accountFor(signin.Obtained{Username: in.req.Username}).Name
	if in.req.Account == "" && in.req.Username == "" {
		guess = "" // whose session it will be is for the server to say
	}
	up, err := h.reach(guess, base, true)
	if err != nil {
		return control.SignInAnswer{}, serverProblem(err)
	}
	defer up.Close()
	conn := up.Private()
	defer conn.Close()
	result, err := signin.SignIn{
		Account: guess, Place: in.accountName, Server: base.String(), Means: means,
		Vault: in.vault, Budget: h.budget(base), Client: absapi.New(conn, base), History: h.history,
	}.Do(ctx)
	var inVault *signin.VaultError
	switch {
	case errors.As(err, &inVault):
		return control.SignInAnswer{}, vaultProblem(inVault.Err)
	case err != nil:
		return control.SignInAnswer{}, serverProblem(err)
	}
	account := in.accountFor(result.Obtained)
	_, known := h.Book.Get(account.Name)
	account.Server, account.ServerVersion = base.String(), in.server.Version
	account.Username, account.UserID = result.Username, result.UserID
	account.Method, account.Store, account.AllowHTTP = in.method.kind, string(in.vault.Backend()), in.req.AllowHTTP
	// The session is kept already: whoever gives up waiting now must still
	// find the account.
	if account, err = h.keepAccount(context.WithoutCancel(ctx), account, known); err != nil {
		return control.SignInAnswer{}, StateProblem(err)
	}
	in.account = account
	answer := control.SignInAnswer{
		Account: account.Name, Server: account.Server, ServerVersion: account.ServerVersion, User: account.Username,
		ProxyURL: h.WithPort(account).ProxyURL(), Warnings: append(notes(in.server), misgivings(result)...),
	}
	switch grant, err := h.Grants.Add(account.Name, players.FirstName, players.ScopeListen); {
	case err == nil:
		answer.Grant = grant.Reveal()
	case !errors.Is(err, players.ErrExists):
		// The account is kept: an error would hide it.
		answer.Warnings = append(answer.Warnings,
			fmt.Sprintf("no password for players could be made: %v; `shelfkeeper players add NAME` makes one", err))
	}
	return answer, nil
}

// accountFor returns the account that a session of that user belongs to: the one
// named, the one of the same user id, so that a user renamed on the server
// keeps port and grant, or the one of the same name, so that a server whose
// database was lost keeps them too. Otherwise it is a new one with a new name.
func (in *signIn) accountFor(got signin.Obtained) accounts.Account {
	h, server := in.home, in.server.Base.String()
	if in.req.Account != "" {
		if a, ok := h.Book.Get(in.req.Account); ok {
			return a
		}
		return accounts.Account{Name: in.req.Account}
	}
	if got.UserID != "" {
		for _, a := range h.Book.All() {
			if a.UserID == got.UserID && sameOrigin(a.Server, in.server.Base) {
				return a
			}
		}
	}
	if a, ok := h.Book.Find(server, got.Username); ok {
		return a
	}
	return accounts.Account{Name: h.Book.NameFor(server, got.Username)}
}

// accountName is accountFor for a sign-in that may be meant for one user only.
func (in *signIn) accountName(got signin.Obtained) (string, error) {
	a := in.accountFor(got)
	if in.sameUser && a.UserID != got.UserID {
		return "", problem.Newf(problem.Rejected, "sign out at the provider and try again, or add the other user as an account of "+
			"its own: `shelfkeeper login`",
			"the provider signed in %s, and the account %s is %s's", got.Username, a.Name, a.Username)
	}
	return a.Name, nil
}

// misgivings are what is not as it should be with a session that is kept.
func misgivings(result signin.Result) (warnings []string) {
	for _, file := range result.SetAside {
		warnings = append(warnings, fmt.Sprintf("an earlier session could not be read; it is kept as %s in the vault", file))
	}
	if result.Unsynced != nil {
		warnings = append(warnings, fmt.Sprintf("the session is written, but the disk did not confirm it: %v", result.Unsynced))
	}
	if result.SlotPending != nil {
		warnings = append(warnings, fmt.Sprintf("the session is safe on disk, but the keychain did not take it yet: %v",
			result.SlotPending))
	}
	return warnings
}

// discover finds the server behind what the user typed, and refuses to go on
// where a password would travel in the clear.
func (h *Home) discover(ctx context.Context, req control.SignInRequest, m method) (absapi.Server, error) {
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
		return absapi.Server{}, problem.Newf(problem.Config,
			fmt.Sprintf("sign in with the address %s, if the headers are meant for it", server.Base),
			"%s points to %s, and the headers of config.toml go to no host that you did not name", first, server.Base.Hostname())
	}
	if !server.Initialised {
		return absapi.Server{}, problem.Newf(problem.Unreachable, "open it in a browser and create its first user",
			"%s is an Audiobookshelf that was never set up", server.Base)
	}
	if err := m.offered(server); err != nil {
		return absapi.Server{}, err
	}
	if ok, why := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, server.Base); !ok && !req.AllowHTTP {
		return absapi.Server{}, problem.Newf(problem.Usage, "use https, or accept it with --allow-http",
			"the %s would travel unencrypted to %s: %s", m.secret, server.Base.Host, why)
	}
	return server, nil
}

// notes are what the user should know of the server.
func notes(server absapi.Server) (warnings []string) {
	if len(server.Redirected) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s points to %s, which is used from now on", server.Redirected[0], server.Base))
	}
	if !absapi.SupportsRefresh(server.Version) {
		warnings = append(warnings, fmt.Sprintf("Audiobookshelf %s is older than 2.26 and has no sessions that renew themselves: "+
			"its one token never ends", server.Version))
	}
	return warnings
}

func (h *Home) keepAccount(ctx context.Context, a accounts.Account, known bool) (accounts.Account, error) {
	if !known {
		a.Port = h.Config.ListenOf(a.Name)
		return h.Book.Add(ctx, a, h.Config.Listen, h.usablePort)
	}
	return a, h.Book.Put(ctx, a)
}

func sameOrigin(server string, base *url.URL) bool {
	u, err := url.Parse(server)
	return err == nil && u.Scheme == base.Scheme && u.Host == base.Host &&
		strings.TrimRight(u.Path, "/") == strings.TrimRight(base.Path, "/")
}
