package survival

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"

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

	dice   sync.Mutex
	chance *rand.Rand // in the session's back-off
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
		chance: rand.New(rand.NewPCG(w.seed, 0xbac0ff)),
	}
}

func (k *keeper) jitter() float64 {
	k.dice.Lock()
	defer k.dice.Unlock()
	return k.chance.Float64()
}

func (k *keeper) begin(l *life) {
	p := &program{life: l, vault: k.medium.Reopen()}
	p.session = session.New(session.Config{
		Account: account, Base: k.base, ServerVersion: string(k.world.server.Release()), Vault: k.wrap(disk{l, p.vault}),
		Connect: func() session.Conn { return l.connect() }, Budget: k.budget, Board: health.NewBoard(),
		Log: slog.New(slog.DiscardHandler), Jitter: k.jitter,
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

func (k *keeper) request() ending { return k.now().door.play() }

func (k *keeper) signedOut() bool {
	var a health.Account
	k.now().session.Fill(&a)
	return a.Session.State == machine.NeedsUser.String() || a.Session.State == machine.SignedOut.String()
}

func (k *keeper) signIn() error {
	p := k.now()
	c := p.life.connect()
	defer c.Close()
	_, err := signin.SignIn{
		Account: account, Server: server, Means: signin.ByPassword{Username: user, Password: redact.New(password), Keep: true},
		Vault: p.vault, Budget: k.budget, Client: absapi.New(c, k.base),
	}.Do(context.Background())
	if err != nil {
		return err
	}
	p.session.Reload()
	return nil
}
