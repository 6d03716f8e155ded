package home

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/hostname"
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
func (h *Home) SignIn(ctx context.Context, req control.SignInRequest) (answer control.SignInAnswer, err error) {
	ended := h.beginUse()
	defer func() { ended(err != nil) }()
	ctx, cancel := context.WithTimeout(keychain.WithNewKeyring(WithPassphrase(ctx, req.Passphrase)), signInDeadline)
	defer cancel()
	method := byPassword
	var token absapi.Token
	if !req.Token.IsEmpty() {
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
	answer, err = in.finish(ctx, means)
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
	// gateway is what the gateway in front wants, with the change of the request.
	gateway upstream.Gateway
	vault   *keychain.Vault
	// here are the accounts whose server it is, under this address or another.
	here map[string]bool
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
	gateway, err := h.gatewayOf(ctx, req)
	if err != nil {
		return nil, err
	}
	server, err := h.discover(ctx, req, m, gateway)
	if err != nil {
		return nil, err
	}
	in := &signIn{home: h, req: req, method: m, server: server, gateway: gateway, here: h.accountsOn(ctx, server.Base)}
	if err := in.bindGateway(); err != nil {
		return nil, err
	}
	if err := in.checkReplaced(); err != nil {
		return nil, err
	}
	in.vault, err = h.openVault(ctx, keychain.Backend(req.Store))
	if err == nil {
		err = in.vault.Prepare(ctx)
	}
	if err != nil {
		return nil, vaultProblem(err)
	}
	return in, nil
}

// finish obtains the session and keeps it: in the vault first, then in the
// accounts.
func (in *signIn) finish(ctx context.Context, means signin.Means) (control.SignInAnswer, error) {
	h, base := in.home, in.server.Base
	guess := in.accountFor(signin.Obtained{Username: in.req.Username}).Name
	if in.req.Account == "" && in.req.Username == "" {
		guess = "" // whose session it will be is for the server to say
	}
	up, err := h.reachThrough(guess, base, true, in.gateway)
	if err != nil {
		return control.SignInAnswer{}, serverProblem(err)
	}
	defer up.Close()
	conn := up.Private()
	defer conn.Close()
	var old keychain.Record // what the account's session was until now
	place := func(got signin.Obtained) (string, error) {
		in.recognise(ctx, got)
		name, err := in.accountName(got)
		if err == nil {
			old, _ = in.vault.Load(ctx, name) // what cannot be read cannot be ended
		}
		return name, err
	}
	result, err := signin.SignIn{
		Account: guess, Place: place, Server: base.String(), Means: means,
		Vault: in.vault, Budget: h.budget(base), Client: absapi.New(conn, base), History: h.history,
		Again: func() (*absapi.Client, func()) {
			again := up.Private()
			return absapi.New(again, base), again.Close
		},
	}.Do(ctx)
	var inVault *signin.VaultError
	switch {
	case errors.As(err, &inVault):
		return control.SignInAnswer{}, vaultProblem(inVault.Err)
	case err != nil:
		return control.SignInAnswer{}, serverProblemAt(hostname.Shown(base.String()), err)
	}
	ctx = context.WithoutCancel(ctx)
	account := in.accountFor(result.Obtained)
	_, known := h.Book.Get(account.Name)
	replaced := in.replaces(account, result.Obtained)
	account.Server, account.ServerVersion = base.String(), in.server.Version
	account.Username, account.UserID = result.Username, result.UserID
	account.Method, account.Store, account.AllowHTTP = in.method.kind, string(in.vault.Backend()), in.req.AllowHTTP
	// The session is kept already: whoever gives up waiting now must still
	// find the account.
	if account, err = h.keepAccount(ctx, account, known); err != nil {
		return control.SignInAnswer{}, StateProblem(err)
	}
	in.account = account
	if err := in.keepGateway(ctx, account.Name, replaced); err != nil {
		return control.SignInAnswer{}, err
	}
	answer := control.SignInAnswer{
		Account: account.Shown(), Server: hostname.Shown(account.Server), ServerVersion: account.ServerVersion, User: account.Username,
		ProxyURL: h.WithPort(account).ProxyURL(), Warnings: append(warningsAbout(in.server), warningsOf(result)...),
		Admin: result.Admin,
	}
	answer.Warnings = append(answer.Warnings, h.warnOfNames(account.Name)...)
	if warning := in.proveRenewal(ctx, up); warning != "" {
		answer.Warnings = append(answer.Warnings, warning)
	}
	if replaced {
		h.forgetSettings(account.Name)
		h.forgetVisitors(account.Name)
		if err := errors.Join(h.forgetPlayers(ctx, account.Name), h.forgetHistory(ctx, account.Name)); err != nil {
			answer.Warnings = append(answer.Warnings,
				fmt.Sprintf("players of the account that was replaced may still have access: %v", err))
		}
	}
	if old.Server != "" && old.Server != base.String() {
		if err := in.endOld(ctx, old, replaced); err != nil {
			answer.Warnings = append(answer.Warnings, fmt.Sprintf("the old session at %s could not be ended there: %v", old.Server, err))
		}
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

// warnOfNames tells of settings in config.toml that hold for no account, once one
// has signed in: the next start refuses them.
func (h *Home) warnOfNames(name string) []string {
	known := []string{name}
	for _, a := range h.Book.All() {
		known = append(known, a.Name)
	}
	slices.Sort(known)
	if err := h.Config.CheckAccounts(slices.Compact(known)); err != nil {
		return []string{fmt.Sprintf("%v; correct the name before the next start", err)}
	}
	return nil
}

// warningsOf returns what is wrong with a session that is kept all the same.
func warningsOf(result signin.Result) (warnings []string) {
	for _, file := range result.SetAside {
		warnings = append(warnings, fmt.Sprintf("an earlier session could not be read; it is kept as %s in the vault", file))
	}
	if result.Unsynced != nil {
		warnings = append(warnings, fmt.Sprintf("the session is written, but the disk did not confirm it: %v", result.Unsynced))
	}
	if result.KeyLeft != nil {
		warnings = append(warnings, result.KeyLeft.Error())
	}
	if result.SlotPending != nil {
		warnings = append(warnings, fmt.Sprintf("the session is safe on disk, but the keychain did not take it yet: %v",
			result.SlotPending))
	}
	return warnings
}

// discover finds the server behind what the user typed, and refuses to go on
// where a password would travel in the clear.
func (h *Home) discover(ctx context.Context, req control.SignInRequest, m method, g upstream.Gateway) (absapi.Server, error) {
	server, err := h.find(ctx, req, g)
	if err != nil {
		return absapi.Server{}, err
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

// find returns the server behind what the user typed, whatever it offers.
func (h *Home) find(ctx context.Context, req control.SignInRequest, g upstream.Gateway) (absapi.Server, error) {
	var first string // the gateway's headers go to the typed host, not to where it points
	server, err := absapi.Discover(ctx, func(base *url.URL) (absapi.Doer, func(), error) {
		if first == "" {
			first = base.Hostname()
		}
		plain, _ := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, base)
		up, err := h.reachThrough(req.Account, base, base.Hostname() == first && (plain || req.AllowHTTP), g)
		if err != nil {
			return nil, nil, err
		}
		conn := up.Private()
		return conn, func() { conn.Close(); up.Close() }, nil
	}, req.Server)
	if err != nil {
		return absapi.Server{}, serverProblem(err)
	}
	if server.Base.Hostname() != first && !req.Gateway.WithoutSecrets() {
		return absapi.Server{}, problem.Newf(problem.Usage, fmt.Sprintf("sign in with the address %s, if they are meant for it", server.Base),
			"%s points to %s, and the gateway's secrets go to no host that you did not name", first, server.Base.Hostname())
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
	return server, nil
}

// warningsAbout returns what the user should know of the server.
func warningsAbout(server absapi.Server) (warnings []string) {
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
		added, err := h.addAccount(ctx, a)
		if !errors.Is(err, accounts.ErrExists) {
			return added, err
		}
		// Another sign-in was first, or a daemon found the session in the vault
		// (see AdoptOrphans). Put keeps the port that was chosen.
		a.Port = 0
	}
	if err := h.Book.Put(ctx, a); err != nil {
		return a, err
	}
	stored, _ := h.Book.Get(a.Name)
	return stored, nil
}
