// Package service runs one account: its session, the live connection to the
// server, the local address for players, and the journal of listening.
//
// It exists so that everything an account needs at run time starts, notices a
// change of the network and ends as one. It knows nothing of the files in
// state, of other accounts or of how somebody signs in: the daemon hands it
// what it needs.
package service

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/progress"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/wsconn"
)

// drain is how long streams may go on when the daemon is asked to end.
const drain = 2 * time.Second

// Config is what one account is served with.
type Config struct {
	Account  accounts.Account
	Upstream *upstream.Upstream // closed with the Service, or when New fails
	Session  session.Config     // without Board and StayAwake, which the Service adds
	// Identities are who the account's players are.
	Identities *players.Identities
	// Journal is the file of reports of listening that wait for the server.
	Journal string
	// Listen is the local address, empty for the account's own. New fails where
	// it cannot be opened. Where the account's own cannot, that is a condition of
	// the account.
	Listen string
	// PortGiven says that the account's port comes from config.toml.
	PortGiven bool
	Extra     Extra
	// ExtraHosts, TrustedOrigins and Access are those of config.toml.
	ExtraHosts     []string
	TrustedOrigins []string
	Access         config.LocalAccess
	// Reach returns the way to another address of the account's server.
	Reach func(base *url.URL) (*upstream.Upstream, error)
	// Kept are addresses that the daemon before has left open; nil for none.
	Kept *handover.Sockets
	// Pause is in force from the beginning; nil for none.
	Pause *accounts.Pause
	// Seen is told what the server was seen to be, after each change.
	Seen func(ctx context.Context, version, username string)
	// Visitors are the programs that came before, and KeepVisitors writes them down;
	// nil for nobody.
	Visitors     []proxy.Visitor
	KeepVisitors func([]proxy.Visitor)
	// StreamsChanged is told when a player begins or ends to fetch a book or an
	// episode; nil for nobody.
	StreamsChanged func()
	Log            *slog.Logger
}

// Service is one account that is served. Make it with New, then Start it, and
// Close it in any case.
type Service struct {
	account    accounts.Account
	up         *upstream.Upstream
	board      *health.Board
	session    *session.Session
	proxy      *proxy.Server
	identities *players.Identities
	watchdog   *watchdog
	addresses  *addresses
	moves      *moveWatch
	socket     *wsconn.Socket
	log        *slog.Logger
	journal    *progress.Journal
	seen       func(ctx context.Context, version, username string)

	pulse chan struct{} // taken at each turn of watch
	ended chan struct{} // closed when watch has ended

	extra     Extra
	portGiven bool // by config.toml
	mu        sync.Mutex
	extras    extras

	pause        *accounts.Pause // guarded by mu
	pausing      sync.Mutex      // held while a pause is put into force
	pauseChanged chan struct{}   // one place

	keepVisitors func([]proxy.Visitor)
	visits       chan struct{} // one place

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New prepares the service of an account and opens its local address; nothing
// runs yet.
func New(c Config) (*Service, error) {
	a, up := c.Account, c.Upstream
	s := &Service{account: a, up: up, identities: c.Identities, board: health.NewBoard(), seen: c.Seen, log: c.Log.With("account", a.Name),
		pulse: make(chan struct{}), ended: make(chan struct{}), pause: c.Pause, pauseChanged: make(chan struct{}, 1),
		extra: c.Extra, extras: extras{changed: make(chan struct{}, 1)}, portGiven: c.PortGiven, keepVisitors: c.KeepVisitors,
		visits: make(chan struct{}, 1)}
	own := c.Session
	own.Board, own.StayAwake, own.Served = s.board, stayAwake(s.log), s.active
	s.session = session.New(own)
	s.addresses = newAddresses(up, s.version, s.log)
	s.watchdog = newWatchdog(up, s.board)
	s.watchdog.lost = func() { s.addresses.look("the server does not answer") }
	s.moves = s.newMoveWatch(c.Reach)
	s.journal = s.newJournal(c.Journal)
	var err error
	s.proxy, err = proxy.New(proxy.Config{
		Base: up.Base(), Hosts: hostsOf(up.Addresses()), Transport: s.watchdog, Sockets: up, Journal: s.journal,
		Tokens: Tokens{s.session, s.watchdog.refused, a},
		Grants: c.Identities, Account: s.localAccount(c.Identities), Identity: s.session.Secrets,
		Access: proxy.Access(c.Access), OwnUID: os.Getuid(), ExtraHosts: c.ExtraHosts, Log: s.log,
		TrustedOrigins: c.TrustedOrigins, OriginGrant: c.Identities.OfOrigin,
		BecameActive: s.becameActive, Quiet: up.Examine, TransfersChanged: c.StreamsChanged,
		Visitors: c.Visitors, Visited: s.visited, Kept: c.Kept,
	})
	s.socket = wsconn.New(wsconn.Config{
		Server: up, Tokens: s.session, Log: s.log,
		Watch: wsconn.Watch{Active: s.active, UnderWay: s.underWay, Suspect: up.Examine},
	})
	if err == nil {
		s.applyPause() // before the first player can come
	}
	if err == nil && c.Listen != "" {
		if err = s.proxy.Listen(c.Listen); err != nil {
			err = chosenProblem(err)
		}
	}
	if err != nil {
		up.Close()
		return nil, err
	}
	if c.Listen == "" {
		s.open()
	} else {
		s.listenMore()
	}
	return s, nil
}

// hostsOf are the hosts of the server's addresses, with their ports.
func hostsOf(addresses []*url.URL) (hosts []string) {
	for _, a := range addresses {
		hosts = append(hosts, a.Host)
	}
	return hosts
}

// Account is the account that is served.
func (s *Service) Account() accounts.Account { return s.account }

// Session is the account's session.
func (s *Service) Session() *session.Session { return s.session }

// active reports whether players would notice that the server is out of reach.
func (s *Service) active() bool { return s.proxy.Active() }

func (s *Service) underWay() bool { return s.proxy.UnderWay() }

// readyFor is how long after a player's last request a connection to the server is kept
// ready: a listener who makes tea goes on within it.
const readyFor = 12 * time.Minute

// becameActive is told that players ask again.
func (s *Service) becameActive() {
	s.socket.PlayersActive()
	s.up.StayReady(func() bool { return s.proxy.Asked(readyFor) })
}

// Start begins to serve, and calls changed at each change of the account's
// health until Close.
func (s *Service) Start(changed func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.running.Go(func() { s.endPause(ctx) })
	s.running.Go(func() { s.retryExtra(ctx) })
	if s.keepVisitors != nil {
		s.running.Go(func() { s.writeVisitors(ctx) })
	}
	s.session.Start()
	s.socket.Start()
	s.journal.Start()
	s.running.Go(func() { s.serve(ctx) }) // after what players need
	s.running.Go(func() {
		defer close(s.ended)
		s.watch(ctx, changed)
	})
	s.running.Go(func() {
		s.watchdog.run(ctx, s.up, func() { s.back("server back") })
	})
	s.running.Go(func() { s.moves.run(ctx) })
	s.running.Go(func() {
		s.addresses.run(ctx, func(why string) {
			s.back(why)
			s.socket.Check(why)
			s.watchdog.wake()
			changed()
		})
	})
}

// back makes everything try that waits for the server.
func (s *Service) back(why string) {
	s.session.Wake(why)
	s.socket.Kick(why)
	s.proxy.NetworkChanged(why)
	s.proxy.Wake(why)
	s.journal.Wake()
}

// version is the server's as far as it is known.
func (s *Service) version() string {
	if seen, _ := s.session.Seen(); seen != "" {
		return seen
	}
	return s.account.ServerVersion
}

// watch passes changes on, those that only time brings included.
func (s *Service) watch(ctx context.Context, changed func()) {
	signedIn, onKey := false, false
	for {
		moved, joined, kept := s.session.Changed(), s.socket.Changed(), s.journal.Changed()
		lookAgain := s.watchSocket()
		s.watchJournal()
		version, username := s.session.Seen()
		s.seen(ctx, version, username)
		// A socket that waits for a token learns at once that there is one, or one of a
		// session in the place of a key.
		if now, key := s.session.SignedIn(), s.session.OnEmergencyKey(); now != signedIn || key != onKey {
			if signedIn, onKey = now, key; now {
				s.socket.Kick("signed in")
				s.journal.Wake()
				s.proxy.NetworkChanged("signed in")
			}
		}
		_, next, raised := s.board.View()
		if !lookAgain.IsZero() && (next.IsZero() || lookAgain.Before(next)) {
			next = lookAgain
		}
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
		case <-s.pulse:
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

// Close ends everything of the account and waits for it: players first, since
// they wait for the session.
func (s *Service) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := s.proxy.Close(ctx)
	kept := s.journal.Close()
	if s.stop != nil {
		s.socket.Close()
		s.session.Close()
		s.stop()
	}
	s.running.Wait()
	s.up.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // streams that had to be cut: their players ask again
	}
	return errors.Join(err, kept)
}
