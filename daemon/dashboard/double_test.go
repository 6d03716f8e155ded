package dashboard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait on a busy machine.
const patience = time.Minute

// double is a daemon that notes what the page asks of it.
type double struct {
	mu       sync.Mutex
	accounts []health.Account
	changed  chan struct{}
	acts     []string
	renew    error
	signIn   error
	broken   error  // what keeps the installed program from running
	newer    string // the version that is installed
	players  []Player
	entries  []history.Entry
	store    Store
	played   Bell
	settings map[string][]string
	given    map[string]bool
	gateway  []GatewayPart
	unlisted *health.Unlisted
	tray     *health.Tray
	// unvouched is the certificate that an account's server shows, and lookFails why no
	// server is found.
	unvouched *absapi.Unvouched
	lookFails error
	openID    func(ctx context.Context, show func(Step) error) error
}

func newDouble(accounts ...health.Account) *double {
	return &double{accounts: accounts, changed: make(chan struct{}), store: Store{Backend: "os", Open: true}}
}

func (d *double) did(act string) { d.mu.Lock(); d.acts = append(d.acts, act); d.mu.Unlock() }

func (d *double) done() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.acts)
}

func (d *double) set(edit func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	edit()
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *double) Snapshot() health.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return health.Snapshot{Version: "test", Installed: d.newer, Level: health.Worst(d.accounts),
		Accounts: slices.Clone(d.accounts), Unlisted: d.unlisted,
		Tray: d.tray}
}

func (d *double) Changed() <-chan struct{} { d.mu.Lock(); defer d.mu.Unlock(); return d.changed }

func (d *double) StreamsChanged() <-chan struct{} { return d.played.Rung() }

func (d *double) Title(_ context.Context, account string, one health.Stream) (string, error) {
	d.did("title " + account + " " + one.ID)
	if one.ID == "unknown" {
		return "", errors.New("no answer")
	}
	return "The book <" + one.ID + ">", nil
}

func (d *double) Examine(_ context.Context, which string, long bool, progress func(string)) (doctor.Report, error) {
	d.did(fmt.Sprint("examine ", which, " ", long))
	progress("the certificate")
	if strings.Contains(which, "nowhere") {
		return doctor.Report{}, problem.Newf(problem.Usage, "correct it", "nowhere is no address")
	}
	return doctor.Report{Server: "https://abs.example.org", Primary: "websocket", Findings: []doctor.Finding{
		{ID: "tls", Verdict: doctor.OK, Evidence: "good until tomorrow"},
		{ID: "websocket", Verdict: doctor.Fault, Evidence: "answered with 400", Remedy: "let it pass"},
		{ID: "idle-socket", Verdict: doctor.Unknown, Evidence: "not looked at", Because: "websocket"},
		{ID: "session", Verdict: doctor.Fault, Evidence: "lost", Remedy: "sign in", Because: "websocket"},
	}, Unseen: []doctor.Advice{{ID: "backups", Cause: "backups lie beside the server", Remedy: "copy them elsewhere"}}}, nil
}

func (d *double) History(string) []history.Entry { return d.entries }

func (d *double) Known(account string) (Known, bool) {
	return Known{Name: account, Server: "https://abs.example.org", User: "alice", Method: ByPassword}, true
}

func (d *double) Reauthenticate(_ context.Context, account string, pass redact.Secret) error {
	d.did("renew " + account + pass.Reveal())
	return d.renew
}

func (d *double) ReauthenticateSameServer(_ context.Context, account string) error {
	d.did("same server " + account)
	return nil
}

func (d *double) SignOut(_ context.Context, account string) error {
	d.did("sign out " + account)
	d.set(func() {
		d.accounts = slices.DeleteFunc(d.accounts, func(a health.Account) bool { return a.Name == account })
	})
	return nil
}

func (d *double) SetPort(_ context.Context, account string, port int) (string, error) {
	d.did(fmt.Sprintf("port %s %d", account, port))
	if port == 13380 {
		return "", problem.Newf(problem.Usage, "choose another", "that is the status page's")
	}
	return "", nil
}

func (d *double) OpenPage(_ context.Context, account, scope string) (string, error) {
	d.did("open " + account + " " + scope)
	return "http://127.0.0.1:1/_shelfkeeper/open?nonce=x", nil
}

func (d *double) Look(_ context.Context, address string, change upstream.GatewayChange) (Found, error) {
	d.did("look " + address + gateOf(change))
	if d.lookFails != nil && change.Pin == nil {
		return Found{}, d.lookFails
	}
	if strings.Contains(address, "nowhere") {
		return Found{}, problem.Newf(problem.Unreachable, "look at `its` address", "nowhere: nothing answers <there>")
	}
	return Found{Server: "https://abs.example.org", Version: "2.36.0", Password: true, OpenID: true}, nil
}

func (d *double) Store() Store { d.mu.Lock(); defer d.mu.Unlock(); return d.store }

func (d *double) SignIn(_ context.Context, in SignIn) (SignedIn, error) {
	d.did(strings.Join([]string{"sign in", in.Server, in.Username, in.Password.Reveal(), in.Token.Reveal(), in.Account, in.Store,
		in.Passphrase.Reveal()}, "|") + gateOf(in.Gateway))
	if d.signIn != nil {
		return SignedIn{}, d.signIn
	}
	return SignedIn{Account: "home", Server: in.Server, User: in.Username, ProxyURL: "http://127.0.0.1:13379",
		Grant: redact.New("sk_once")}, nil
}

func (d *double) SignInOpenID(ctx context.Context, _ OpenID, show func(Step) error) error {
	return d.openID(ctx, show)
}

func (d *double) ReturnOpenID(_ context.Context, address string) error {
	d.did("return " + address)
	return nil
}

func (d *double) SkipOpenID(_ context.Context, state string) error {
	d.did("skip " + state)
	return nil
}

func (d *double) Players(context.Context, string) ([]Player, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.players), nil
}

func (d *double) AddPlayer(_ context.Context, account, name, scope string) (NewPlayer, error) {
	d.did("add " + account + " " + name + " " + scope)
	return NewPlayer{Secret: redact.New("sk_new"), Account: account, ProxyURL: "http://127.0.0.1:13379"}, nil
}

func (d *double) TrustPlayer(_ context.Context, account, player, origin string) error {
	d.did("trust " + account + " " + player + " " + origin)
	return nil
}

func (d *double) RevokePlayer(_ context.Context, account, player string) error {
	d.did("revoke " + account + " " + player)
	return nil
}

func (d *double) Pause(_ context.Context, account string, until Pause) error {
	d.did(fmt.Sprintf("pause %s %v %v", account, until.Tomorrow, until.For))
	return nil
}

func (d *double) Forget(_ context.Context, account string) ([]string, error) {
	d.did("forget " + account)
	if account == "unknown" {
		return nil, problem.Newf(problem.Usage, "", "there is no account unknown")
	}
	return []string{"The keychain still holds <" + account + ">."}, nil
}

func (d *double) EmergencyKey(_ context.Context, account string, days int) ([]string, error) {
	d.did(fmt.Sprint("key ", account, " ", days))
	if days == 7 {
		return []string{"The key <before> stays at the server."}, nil
	}
	return nil, nil
}

func (d *double) Unvouched(_ context.Context, account string) (*absapi.Unvouched, error) {
	d.did("unvouched " + account)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unvouched, d.lookFails
}

func (d *double) Quit() { d.did("quit") }

func (d *double) Resume(_ context.Context, account string) error {
	d.did("resume " + account)
	return nil
}

func (d *double) SetAside(context.Context, string) ([]Report, error) {
	return []Report{{ID: 7, At: time.Now(), Item: "li_1", Seconds: 90, Reason: "it is <gone>"}}, nil
}

func (d *double) RetrySetAside(_ context.Context, account string, ids []uint64) error {
	d.did(fmt.Sprint("retry ", account, ids))
	return nil
}

func (d *double) DropSetAside(_ context.Context, account string, ids []uint64) error {
	d.did(fmt.Sprint("drop ", account, ids))
	return nil
}

func (d *double) Setting(key ...string) ([]string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := strings.Join(key, ".")
	return d.settings[name], d.given[name]
}

func (d *double) SetSetting(_ context.Context, key, values []string) error {
	d.did(fmt.Sprintf("set %s %q", strings.Join(key, "."), values))
	if slices.Contains(values, "bad") {
		return problem.Newf(problem.Usage, "", "%s is <bad>", key[0])
	}
	return nil
}

func (d *double) Restart() { d.did("restart") }

func (d *double) CheckProgram(context.Context) error { return d.broken }

func (d *double) Replace() { d.did("replace") }

func (d *double) TailLog(out io.Writer, lines int) error {
	_, err := fmt.Fprintf(out, "level=INFO msg=<b> lines=%d\n", lines)
	return err
}

func (d *double) Report(_ context.Context, out io.Writer, found []doctor.Report) error {
	d.did(fmt.Sprint("report with ", len(found)))
	_, err := io.WriteString(out, "a report")
	return err
}

func (d *double) Rename(_ context.Context, account, to string) error {
	d.did("rename " + account + " " + to)
	if to == "taken" {
		return problem.Newf(problem.Usage, "choose another name", "an account is called taken")
	}
	return nil
}

func (d *double) ChangePassword(_ context.Context, account string, old, changed redact.Secret) error {
	d.did("password " + account + " " + old.Reveal() + " " + changed.Reveal())
	if old.Reveal() == "wrong" {
		return problem.Newf(problem.Rejected, "give the present password", "the server refused the change")
	}
	return nil
}
