package home

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/openid"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

// spareCost is how many requests of the server's sign-in limit a spare session
// takes: one to begin, one to end.
const spareCost = 2

// spareLeaves is how many requests a spare that had to wait for the limit leaves to
// the session: enough to renew it, and to do so again after a lost answer.
const spareLeaves = 2

// firstCost is what the first session takes: the browser's way through the server
// counts too.
const firstCost = spareCost + 1

// SignInOpenID implements control.OpenID: it finds the server, makes the vault
// ready, leads a person through the provider's pages and keeps what comes of
// it. The account's lock is held only while a code is traded.
func (h *Home) SignInOpenID(ctx context.Context, req control.OpenIDRequest, show func(control.OpenIDStep) error) error {
	return h.SignInOpenIDRenewing(ctx, req, h.Reauthenticate, show)
}

// SignInOpenIDRenewing is SignInOpenID where renew is how the session of an account is
// renewed here.
func (h *Home) SignInOpenIDRenewing(ctx context.Context, req control.OpenIDRequest, renew func(context.Context, string) error,
	show func(control.OpenIDStep) error) (err error) {
	ended := h.beginUse()
	defer func() { ended(err != nil) }()
	ctx, cancel := context.WithCancel(keychain.WithNewKeyring(WithPassphrase(ctx, req.Passphrase)))
	defer cancel()
	k, stage, err := h.beginOpenID(ctx, req, renew)
	if err != nil || k == nil {
		return err
	}
	flow, err := openid.Start(ctx, stage, k)
	if err != nil {
		return openIDProblem(err)
	}
	defer flow.Close()
	defer h.waitFor(flow)()
	return k.follow(ctx, flow, show)
}

// beginOpenID does what needs no person yet. There is nothing left to do, and
// no keeper, for an account that was to be renewed and has all it needs.
func (h *Home) beginOpenID(ctx context.Context, req control.OpenIDRequest,
	renew func(context.Context, string) error) (*openIDKeeper, openid.Stage, error) {
	ctx, cancel := context.WithTimeout(ctx, signInDeadline)
	defer cancel()
	in := control.SignInRequest{Server: req.Server, Account: req.Account, AllowHTTP: req.AllowHTTP, Store: req.Store, Replace: req.Replace,
		Gateway: req.Gateway}
	if !req.Renew {
		begun, err := h.beginSignIn(ctx, in, byOpenID)
		return &openIDKeeper{signIn: begun, noSpare: req.NoSpare}, openid.First, err
	}
	account, err := h.openIDAccount(req.Account)
	if err != nil {
		return nil, 0, err
	}
	stage := openid.Spare
	var u *session.Unavailable
	switch err := renew(ctx, account.Name); {
	case err == nil:
	case errors.As(err, &u) && slices.Contains([]string{health.SessionLost.ID, health.EmergencyKey.ID, health.SignedOut.ID,
		health.TokenRefused.ID}, u.Condition.ID):
		stage = openid.First // only a person can go on
	default:
		return nil, 0, err
	}
	in.Server, in.Account, in.AllowHTTP = account.Server, account.Name, account.AllowHTTP
	begun, err := h.beginSignIn(ctx, in, byOpenID)
	if err != nil {
		return nil, 0, err
	}
	begun.sameUser, begun.account = true, account
	if stage == openid.Spare {
		missing, err := signin.MissingSpares(ctx, begun.vault, account.Name, begun.server.Version)
		switch {
		case err != nil:
			return nil, 0, vaultProblem(err)
		case missing == 0:
			return nil, 0, nil
		}
	}
	return &openIDKeeper{signIn: begun}, stage, nil
}

func (h *Home) openIDAccount(name string) (accounts.Account, error) {
	if err := h.Book.Reload(); err != nil {
		return accounts.Account{}, StateProblem(err)
	}
	a, ok := h.Book.Get(name)
	if name == "" {
		a, ok = h.Book.Default()
	}
	switch {
	case !ok:
		return a, NoSuchAccount(h.Book, name)
	case a.Method != accounts.OIDC:
		return a, problem.Newf(problem.Usage, "run `shelfkeeper login`", "the account %s does not sign in through OpenID", a.Name)
	}
	return a, nil
}

// openIDKeeper trades the codes of one sign-in.
type openIDKeeper struct {
	*signIn
	answer  *control.SignInAnswer // once the account's session is kept
	noSpare bool                  // the user does without
	waits   bool                  // the limit had no room for a spare at once
}

// connect gives each request a connection of its own: minutes lie in between.
func (k *openIDKeeper) connect() (client *absapi.Client, again func() (*absapi.Client, func()), release func(), err error) {
	name := k.account.Name
	if name == "" {
		name = k.req.Account
	}
	up, err := k.home.reachThrough(name, k.server.Base, true, k.gateway)
	if err != nil {
		return nil, nil, nil, err
	}
	again = func() (*absapi.Client, func()) {
		conn := up.Private()
		return absapi.New(conn, k.server.Base), conn.Close
	}
	client, done := again()
	return client, again, func() { done(); up.Close() }, nil
}

var errNoRoom = errors.New("the server's sign-in limit leaves no room for it now")

// Authorize implements openid.Keeper.
func (k *openIDKeeper) Authorize(ctx context.Context, redirect string) (*absapi.Authorization, error) {
	budget := k.home.budget(k.server.Base)
	if k.answer != nil && !absapi.SupportsRefresh(k.server.Version) {
		return nil, openid.ErrNoNeed // the token never ends
	}
	if k.answer != nil && k.noSpare {
		return nil, openid.ErrSkipped
	}
	cost := spareCost
	if k.answer == nil {
		cost = firstCost
	}
	if k.waits {
		cost += spareLeaves
	}
	switch wait := budget.RoomIn(time.Now(), cost); {
	case wait > 0 && k.answer != nil:
		k.waits = true
		return nil, &openid.Later{Wait: max(wait, budget.RoomIn(time.Now(), spareCost+spareLeaves)), Err: errNoRoom}
	case wait > 0:
		return nil, errNoRoom // nobody is sent to a provider in vain
	}
	client, _, release, err := k.connect()
	if err != nil {
		return nil, err
	}
	defer release()
	return signin.Authorize(ctx, budget, client, k.server.Version, redirect)
}

// Redeem implements openid.Keeper.
func (k *openIDKeeper) Redeem(ctx context.Context, stage openid.Stage, flow *absapi.Authorization, code redact.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, signInDeadline)
	defer cancel()
	means := signin.ByCode{Authorization: flow, Code: code}
	if stage == openid.First {
		answer, err := k.finish(ctx, means)
		if err != nil {
			return err
		}
		k.answer = &answer
		return nil
	}
	client, again, release, err := k.connect()
	if err != nil {
		return err
	}
	defer release()
	return signin.Spare{
		Account: k.account.Name, Server: k.server.Base.String(), UserID: k.account.UserID, Version: k.server.Version, Means: means,
		Vault: k.vault, Budget: k.home.budget(k.server.Base), Client: client, Again: again,
	}.Do(ctx)
}

// More implements openid.Keeper. What cannot be read is not known to be missing:
// the account has its session and a spare by then.
func (k *openIDKeeper) More(ctx context.Context) bool {
	missing, err := signin.MissingSpares(ctx, k.vault, k.account.Name, k.server.Version)
	return err == nil && missing > 0
}

// follow shows each step of flow until its end.
func (k *openIDKeeper) follow(ctx context.Context, flow *openid.Flow, show func(control.OpenIDStep) error) error {
	var answer *control.SignInAnswer
	asked := false // whether the provider answers
	for {
		now, changed := flow.Progress()
		if now.Done && now.Err != nil && now.Stage == openid.First {
			return openIDProblem(now.Err)
		}
		step := stepOf(now)
		if step.URL != "" && !asked {
			asked = true
			if note := k.home.providerTrouble(ctx, k.account.Name, step.URL); note != "" {
				step.Notes = append(step.Notes, note)
			}
		}
		if now.Stage == openid.Spare && answer == nil && k.answer != nil {
			answer = k.answer
			step.Answer = answer
		}
		if step.URL != "" || step.Answer != nil || len(step.Notes) > 0 {
			if err := show(step); err != nil {
				return err
			}
		}
		if now.Done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// turned explains openid.ErrTurned, which only the server's admin can mend.
const turned = "a gateway has turned the way back to this machine into https, where nothing answers: nginx does so with " +
	"`proxy_redirect http:// https://`, for which `proxy_redirect http://$host https://$host` is enough"

// stepOf is a progress as a person sees it.
func stepOf(p openid.Progress) control.OpenIDStep {
	step := control.OpenIDStep{Spare: p.Stage == openid.Spare}
	if f := p.Flow; f != nil {
		step.URL, step.State, step.Redirect, step.Callback, step.Sent = f.URL, f.State, f.Redirect, f.Callback, p.Sent
		if f.Unsaved() {
			step.Notes = append(step.Notes, "the server tells the provider an address with \"undefined\" in it: its admin has to "+
				"open Settings, Authentication and save once")
		}
	}
	switch {
	case !p.Later.IsZero():
		step.State = p.Ticket
		step.Notes = append(step.Notes, fmt.Sprintf("one more spare session may follow at %s, when the server's sign-in limit leaves room: "+
			"leave the browser's page open, or press Enter to do without", p.Later.Format("15:04")))
	case p.Paste:
		step.URL = "" // it is open already
		step.Notes = append(step.Notes, turned+". Paste the address that the browser shows now: it is good, although the page is an error")
	case errors.Is(p.Again, openid.ErrTurned):
		step.Notes = append(step.Notes, turned+". The sign-in begins once more, by another way back; or paste the address that the browser "+
			"shows now")
	case p.Again != nil:
		step.Notes = append(step.Notes, "once more: "+openIDProblem(p.Again).Text)
	}
	if errors.Is(p.Err, openid.ErrNoNeed) {
		return step
	}
	switch {
	case p.Kept > 0 && p.Done:
		step.Notes = append(step.Notes, keptSpares(p))
	case p.Done && p.Err != nil:
		step.Notes = append(step.Notes, fmt.Sprintf("no spare session is kept: %s; `shelfkeeper reauth` tries again. Without one, a "+
			"lost session needs you", openIDProblem(p.Err).Text))
	}
	return step
}

// keptSpares says how many spare sessions a sign-in brought, and why no more.
func keptSpares(p openid.Progress) string {
	text := "a spare session is kept too, in case this one is lost"
	if p.Kept > 1 {
		text = fmt.Sprintf("%d spare sessions are kept too, in case this one is lost", p.Kept)
	}
	if p.Err == nil || errors.Is(p.Err, openid.ErrSkipped) {
		return text
	}
	return fmt.Sprintf("%s; no further one: %s. `shelfkeeper reauth` tries again", text, openIDProblem(p.Err).Text)
}

// waitFor lets addresses find flow until the returned function is called.
func (h *Home) waitFor(flow *openid.Flow) (done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flows = append(h.flows, flow)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.flows = slices.DeleteFunc(slices.Clone(h.flows), func(f *openid.Flow) bool { return f == flow })
	}
}

func (h *Home) waiting() []*openid.Flow {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.flows
}

// ReturnOpenID implements control.OpenID.
func (h *Home) ReturnOpenID(_ context.Context, address string) error {
	err := openid.ErrForeign
	if len(h.waiting()) == 0 {
		return problem.Newf(problem.Usage, "begin one: `shelfkeeper login URL --oidc`", "no sign-in waits for this address")
	}
	for _, flow := range h.waiting() {
		switch e := flow.Return(address); {
		case e == nil:
			return nil
		case !errors.Is(e, openid.ErrForeign):
			err = e
		}
	}
	return openIDProblem(err)
}

// SkipOpenID implements control.OpenID.
func (h *Home) SkipOpenID(_ context.Context, state string) error {
	for _, flow := range h.waiting() {
		flow.Skip(state)
	}
	return nil
}
