package dashboard

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait on a busy machine.
const patience = 20 * time.Second

// double is a daemon that notes what the page asks of it.
type double struct {
	mu       sync.Mutex
	accounts []health.Account
	changed  chan struct{}
	acts     []string
	renew    error
	signIn   error
	players  []Player
	entries  []history.Entry
	store    Store
	openID   func(ctx context.Context, show func(Step) error) error
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
	return health.Snapshot{Version: "test", Level: health.Worst(d.accounts), Accounts: slices.Clone(d.accounts)}
}

func (d *double) Changed() <-chan struct{} { d.mu.Lock(); defer d.mu.Unlock(); return d.changed }

func (d *double) History(string) []history.Entry { return d.entries }

func (d *double) Known(account string) (Known, bool) {
	return Known{Name: account, Server: "https://abs.example.org", User: "alice", Method: ByPassword}, true
}

func (d *double) Reauthenticate(_ context.Context, account string, pass redact.Secret) error {
	d.did("renew " + account + pass.Reveal())
	return d.renew
}

func (d *double) SignOut(_ context.Context, account string) error {
	d.did("sign out " + account)
	d.set(func() {
		d.accounts = slices.DeleteFunc(d.accounts, func(a health.Account) bool { return a.Name == account })
	})
	return nil
}

func (d *double) OpenPage(_ context.Context, account, scope string) (string, error) {
	d.did("open " + account + " " + scope)
	return "http://127.0.0.1:1/_shelfkeeper/open?nonce=x", nil
}

func (d *double) Look(_ context.Context, address string) (Found, error) {
	d.did("look " + address)
	if strings.Contains(address, "nowhere") {
		return Found{}, problem.Newf(problem.Unreachable, "look at `its` address", "nowhere: nothing answers <there>")
	}
	return Found{Server: "https://abs.example.org", Version: "2.36.0", Password: true, OpenID: true}, nil
}

func (d *double) Store() Store { d.mu.Lock(); defer d.mu.Unlock(); return d.store }

func (d *double) SignIn(_ context.Context, in SignIn) (SignedIn, error) {
	d.did(strings.Join([]string{"sign in", in.Server, in.Username, in.Password.Reveal(), in.Token.Reveal(), in.Account, in.Store,
		in.Passphrase.Reveal()}, "|"))
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

// world is a page that listens, and a browser of its user's.
type world struct {
	t      *testing.T
	daemon *double
	server *Server
	cookie string
	csrf   string
}

// serve starts a page for d. edit changes its configuration.
func serve(t *testing.T, d *double, edit func(*Config)) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan error, 16)
	c := Config{Daemon: d, Port: port, OwnUID: os.Getuid(), Listening: func(err error) { listening <- err },
		PeerOf: func(net.Conn) players.Peer { return players.Peer{UID: os.Getuid(), Known: true} }}
	if edit != nil {
		edit(&c)
	}
	s := New(c)
	s.Start()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case err := <-listening:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the page does not open")
	}
	return &world{t: t, daemon: d, server: s}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request as it is.
func (w *world) ask(method, path string, form url.Values, edit func(*http.Request)) answer {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, w.server.origin+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", w.server.origin)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if w.cookie != "" {
		r.Header.Set("Cookie", cookieName+"="+w.cookie)
	}
	if edit != nil {
		edit(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if c.Name == cookieName && edit == nil {
			w.cookie = c.Value
		}
	}
	if m := csrfField.FindStringSubmatch(string(said)); m != nil && edit == nil {
		w.csrf = m[1]
	}
	if strings.Contains(string(said), "%!") {
		w.t.Errorf("%s: a text and its values differ:\n%s", path, said)
	}
	return answer{resp.StatusCode, resp.Header, string(said)}
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// get asks for a page as the browser does.
func (w *world) get(path string) answer { w.t.Helper(); return w.ask(http.MethodGet, path, nil, nil) }

// post sends a form of a page.
func (w *world) post(path string, fields ...string) answer {
	w.t.Helper()
	if w.csrf == "" {
		w.get("/sign-in")
	}
	return w.ask(http.MethodPost, path, w.form(fields...), nil)
}

func (w *world) form(fields ...string) url.Values {
	form := url.Values{"csrf": {w.csrf}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}

func (d *double) Pause(_ context.Context, account string, tomorrow bool) error {
	d.did(fmt.Sprintf("pause %s %v", account, tomorrow))
	return nil
}

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
