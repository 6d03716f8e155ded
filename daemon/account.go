package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/progress"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/wsconn"
)

// hold is how long a player's request waits for a token in bad weather before
// it is sent away: most renewals take less than a second, and players give up
// after some more.
const hold = 10 * time.Second

// drain is how long streams may go on when the daemon is asked to end.
const drain = 2 * time.Second

// desk is where one account is served: its way to the server, its session, its
// local address and what is wrong with them.
type desk struct {
	account accounts.Account
	up      *upstream.Upstream
	board   *health.Board
	session *session.Session
	proxy   *proxy.Server
	extra   []string // addresses beyond this machine that it is served at
	lookout *lookout
	ways    *addresses
	socket  *wsconn.Socket
	log     *slog.Logger
	journal *progress.Journal
	observe func(context.Context) // writes down what the server was seen to be

	stop    context.CancelFunc
	running sync.WaitGroup
}

// newDesk prepares the desk of a and opens its local address, or listen where
// that is given; nothing runs yet.
func (h *Home) newDesk(a accounts.Account, listen string) (*desk, error) {
	base, err := url.Parse(a.Server)
	if err != nil {
		return nil, problem.Newf(problem.Config, "sign in again", "account %s: %w", a.Name, redact.Error(err))
	}
	up, err := h.reachAny(a.Name, base)
	if err != nil {
		return nil, problem.New(problem.Config, fmt.Errorf("account %s: %w", a.Name, err), "correct "+h.Paths.Config)
	}
	d := &desk{account: a, up: up, board: health.NewBoard(), log: h.Log.With("account", a.Name)}
	d.session = session.New(session.Config{
		Account: a.Name, Base: base, ServerVersion: a.ServerVersion, Vault: vaultOf{h},
		Connect: func() session.Conn { return up.Private() }, Budget: h.budget(base), Board: d.board, Log: h.Log,
		StayAwake: stayAwake(d.log),
		History:   h.history(a.Name), Peers: func() []history.Peer { return h.peers(a) },
	})
	d.observe = func(ctx context.Context) { h.observe(ctx, d) }
	d.ways = newAddresses(up, d.version, d.log)
	d.lookout = newLookout(up, d.board)
	d.lookout.lost = func() { d.ways.look("the server does not answer") }
	d.journal = d.newJournal(h, base)
	d.proxy, err = proxy.New(proxy.Config{
		Base: base, Transport: d.lookout, Sockets: up, Journal: d.journal, Tokens: held{d.session}, Grants: h.identities(a.Name), Account: h.accountOf(a, d.session),
		Identity: d.session.Secrets, Access: proxy.Access(h.Config.LocalAccess), OwnUID: os.Getuid(), ExtraHosts: h.Config.ExtraHosts, Log: d.log,
		Stirred: func() { d.socket.PlayersActive() },
	})
	d.socket = wsconn.New(wsconn.Config{Server: up, Tokens: d.session, Active: d.active, Log: d.log})
	if err == nil {
		addr := listen
		if addr == "" {
			addr = listenAddr(a.Port)
		}
		err = d.proxy.Listen(addr)
	}
	if err == nil {
		d.listenMore(h.Config.ListenExtra)
	}
	if err != nil {
		up.Close()
		return nil, listenProblem(a, listen != "", err)
	}
	return d, nil
}

// active reports whether players would notice that the server is out of reach.
func (d *desk) active() bool { return d.proxy.Active() }

// start begins to serve, and calls changed at each change of the desk's health
// until close.
func (d *desk) start(changed func()) {
	ctx, cancel := context.WithCancel(context.Background())
	d.stop = cancel
	d.running.Go(func() {
		if err := d.proxy.Serve(); err != nil {
			d.board.Raise(&health.ProxyDown, err.Error())
		}
	})
	d.session.Start()
	d.socket.Start()
	d.journal.Start()
	d.running.Go(func() { d.watch(ctx, changed) })
	d.running.Go(func() {
		d.lookout.run(ctx, d.up, func() { d.back("server back") })
	})
	d.running.Go(func() {
		d.ways.run(ctx, func(why string) {
			d.back(why)
			d.socket.Check(why)
			d.lookout.wake()
			changed()
		})
	})
}

// back makes everything try that waits for the server.
func (d *desk) back(why string) {
	d.session.Wake(why)
	d.socket.Kick(why)
	d.proxy.NetworkChanged(why)
	d.proxy.Wake(why)
	d.journal.Wake()
}

// version is the server's as far as it is known.
func (d *desk) version() string {
	if seen, _ := d.session.Seen(); seen != "" {
		return seen
	}
	return d.account.ServerVersion
}

// watch passes changes on, those that only time brings included.
func (d *desk) watch(ctx context.Context, changed func()) {
	signedIn := false
	for {
		moved, joined, kept := d.session.Changed(), d.socket.Changed(), d.journal.Changed()
		d.watchSocket()
		d.watchJournal()
		d.observe(ctx)
		// A socket that waits for a token learns at once that there is one.
		if now := d.session.SignedIn(); now != signedIn {
			if signedIn = now; now {
				d.socket.Kick("signed in")
				d.journal.Wake()
				d.proxy.NetworkChanged("signed in")
			}
		}
		_, next, raised := d.board.View()
		var due <-chan time.Time
		var timer *time.Timer
		if !next.IsZero() {
			timer = time.NewTimer(time.Until(next))
			due = timer.C
		}
		changed()
		select {
		case <-moved:
		case <-joined:
		case <-kept:
		case <-raised:
		case <-due:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// watchSocket says what the live connection means for the account. Its loss
// may be the first sign that the server is gone.
func (d *desk) watchSocket() {
	snap := d.socket.Snapshot()
	if !snap.Degraded() {
		d.board.Clear(&health.SocketDown)
		return
	}
	d.board.Raise(&health.SocketDown, snap.Reason)
	if snap.Cause == wsconn.CauseTemporary {
		d.lookout.doubt()
	}
}

// close ends everything of the desk and waits for it: players first, since
// they wait for the session.
func (d *desk) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := d.proxy.Close(ctx)
	kept := d.journal.Close()
	if d.stop != nil {
		d.socket.Close()
		d.session.Close()
		d.stop()
	}
	d.running.Wait()
	d.up.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // streams that had to be cut: their players ask again
	}
	return errors.Join(err, kept)
}

func (d *desk) snapshot() health.Account {
	view, _, _ := d.board.View()
	stats, socket := d.proxy.Stats(), d.socket.Snapshot()
	a := health.Account{
		Name: d.account.Name, Server: d.account.Server, User: d.account.Username,
		Level: view.Level, Condition: view.Condition, Reason: view.Reason, Remedy: view.Remedy, Since: health.At(view.Since),
		Socket: health.Socket{State: string(socket.State), Since: health.At(socket.Since), Reconnects: socket.Reconnects, Reason: socket.Reason},
		Proxy:  health.Proxy{URL: d.url(), Extra: d.extra, Requests: stats.Requests, Bytes: stats.Bytes, Active: int(stats.Active), Unauthorized: stats.Unauthorized, Resumed: stats.Resumed, Held: stats.Held},
		Vault:  health.Vault{Backend: d.account.Store}, Progress: d.progress(),
	}
	if common, _ := d.up.InUse(); d.ways.several() {
		if a.Address = "none answers"; common != nil {
			a.Address = common.String()
		}
	}
	d.session.Fill(&a)
	a.Session.Method = shownMethod(d.account, a.Session.Method)
	a.Remedy = shownRemedy(d.account, a.Condition, a.Remedy)
	return a
}

// url is the address that players use.
func (d *desk) url() string {
	addr, ok := d.proxy.Addr().(*net.TCPAddr)
	if !ok {
		return proxyURL(d.account.Port)
	}
	return proxyURL(addr.Port)
}

// listenProblem explains why the local address of a could not be opened;
// chosen says that it came from the command line.
func listenProblem(a accounts.Account, chosen bool, err error) error {
	var taken *proxy.PortTaken
	if errors.As(err, &taken) {
		remedy := fmt.Sprintf("end that program; players hold the address of account %s, so Shelfkeeper does not move by itself", a.Name)
		if chosen {
			remedy = "choose another --listen"
		}
		return problem.New(problem.PortTaken, taken, remedy)
	}
	err = fmt.Errorf("open the local address: %w", err)
	if chosen {
		return problem.New(problem.Usage, err, "choose another --listen, for example 127.0.0.1:0")
	}
	return problem.New(problem.PortTaken, err, "")
}

// held bounds how long a player waits for a token.
type held struct{ *session.Session }

func (h held) Token(ctx context.Context) (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, hold)
	defer cancel()
	return h.Session.Token(ctx)
}

func (h held) Suspect(ctx context.Context, token redact.Secret) (redact.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, hold)
	defer cancel()
	return h.Session.Suspect(ctx, token)
}

func listenAddr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
