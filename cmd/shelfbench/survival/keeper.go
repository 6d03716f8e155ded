package survival

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

// account is the name under which the vault keeps the session.
const account = "home"

// keeper is Shelfkeeper: session, vault and proxy as the daemon runs them. Of
// the daemon it lacks the live socket and the look-out for a server that is
// down, both of which would only wake the session sooner.
type keeper struct {
	world  *world
	base   *url.URL
	medium *keychain.Vault // whose memory is the disk
	budget *budget.Budget  // in the daemon a file, written before each request
	wrap   func(vault) vault

	mu      sync.Mutex
	program *program
}

// program is one process of it.
type program struct {
	life    *life
	vault   *keychain.Vault
	session *session.Session
	door    *door
}

// vault is what a session needs of one.
type vault = session.Vault

func newKeeper(w *world) client {
	base, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	medium, err := keychain.Open(context.Background(), keychain.Options{Backend: keychain.Memory})
	if err != nil {
		panic(err)
	}
	asIs := func(v vault) vault { return v }
	return &keeper{
		world: w, base: base, medium: medium, budget: budget.New(""), wrap: asIs,
	}
}

// jitter is the chance in the session's back-off.
func (k *keeper) jitter() float64 { return k.world.chance("back-off") }

func (k *keeper) begin(l *life) {
	p := &program{life: l, vault: k.medium.Reopen()}
	p.session = session.New(session.Config{
		Account: account, Base: k.base, ServerVersion: string(k.world.server.Release()), Vault: k.wrap(disk{l, p.vault}),
		Connect: func() session.Conn { return l.connect() }, Budget: k.budget, Board: health.NewBoard(),
		Log: slog.New(slog.DiscardHandler), Jitter: k.jitter, StayAwake: l.stayAwake,
		Served: func() bool { return p.door.proxy.Active() },
	})
	var err error
	if p.door, err = open(l, p.session, k.base); err != nil {
		panic(err) // of a fixed configuration
	}
	k.mu.Lock()
	k.program = p
	k.mu.Unlock()
	p.session.Start()
}

func (k *keeper) now() *program {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.program
}

func (k *keeper) end() {
	p := k.now()
	p.door.close() // players first, since they wait for the session
	p.session.Close()
	_ = p.vault.Close() // of a vault in memory there is nothing that can fail
}

// crashed stops what the dead process had running, none of which has any
// effect any more.
func (k *keeper) crashed() { k.end() }

func (k *keeper) woke() {
	p := k.now()
	p.session.Wake("network changed")
	p.door.proxy.Wake("network changed")
}

func (k *keeper) request(no int) ending { return k.now().door.play(no) }

func (k *keeper) signedOut() bool {
	var a health.Account
	k.now().session.Fill(&a)
	return a.Session.State == machine.NeedsUser.String() || a.Session.State == machine.SignedOut.String()
}

func (k *keeper) sessions() int {
	rec, err := k.medium.Load(context.Background(), account)
	if err != nil {
		return 0
	}
	return 1 + len(rec.Spares())
}

func (k *keeper) signIn() error {
	p := k.now()
	var means signin.Means = signin.ByPassword{Username: user, Password: redact.New(password), Keep: true}
	if k.world.provider != nil {
		code, err := p.life.authorize(k.budget)
		if err != nil {
			return err
		}
		means = code
	}
	c := p.life.connect()
	defer c.Close()
	got, err := signin.SignIn{
		Account: account, Server: server, Means: means, Vault: p.vault, Budget: k.budget, Client: absapi.New(c, k.base),
	}.Do(context.Background())
	if err != nil {
		return err
	}
	p.session.Reload()
	if k.world.provider != nil && k.addSpares(p, got.UserID, spareCost) {
		k.world.running.Go(func() { k.keepPageOpen(p, got.UserID) })
	}
	return nil
}

// pageOpen is how long the browser's page waits for the next spare at the most (also
// daemon/openid: laterMost).
const pageOpen = 30 * time.Minute

// keepPageOpen goes on with what the server's limit left no room for. The user leaves
// the browser's page open; it ends with the program, and with a sleep.
func (k *keeper) keepPageOpen(p *program, userID string) {
	k.world.mu.Lock()
	sleeps := k.world.sleeps
	k.world.mu.Unlock()
	for {
		wait := k.budget.RoomIn(time.Now(), spareCost+spareLeaves)
		if wait > pageOpen {
			return
		}
		select {
		case <-time.After(wait):
		case <-p.life.dead:
			return
		}
		k.world.mu.Lock()
		ended := k.world.sleeps != sleeps || k.world.life != p.life || k.world.over
		k.world.mu.Unlock()
		if ended || !k.addSpares(p, userID, spareCost+spareLeaves) {
			return
		}
	}
}

// spareCost is how many requests a spare takes, and spareLeaves what one that had to
// wait leaves to the session (also daemon/home).
const spareCost, spareLeaves = 2, 2

// addSpares goes on as the sign-in in a browser does: it is sent to the provider
// again, without the user, until the account has all its spares or the server's
// limit leaves no room, which it reports. What fails is done without.
func (k *keeper) addSpares(p *program, userID string, cost int) (later bool) {
	ctx, version := context.Background(), string(k.world.server.Release())
	for {
		missing, err := signin.MissingSpares(ctx, p.vault, account, version)
		if err != nil || missing == 0 {
			return false
		}
		if !k.budget.Room(time.Now(), cost) {
			return true
		}
		code, err := p.life.authorize(k.budget)
		if err != nil {
			return false
		}
		c := p.life.connect()
		err = signin.Spare{
			Account: account, Server: server, UserID: userID, Version: version, Means: code,
			Vault: p.vault, Budget: k.budget, Client: absapi.New(c, k.base),
		}.Do(ctx)
		c.Close()
		if err != nil {
			return false
		}
		p.session.Reload()
	}
}
