// Package survival plays weeks of bad luck in seconds and counts what becomes
// of a session. It plays Shelfkeeper's own state machine, effects and vault,
// beside models of other clients. All meet the same double of the server and
// the same script of bursts, sleeps, handoffs, crashes and outages.
//
// It lives in bubbles of testing/synctest, where time passes when nobody has
// anything to do. It knows nothing of how a client works inside: what it counts
// it reads from the server's ledger and from what players were answered.
package survival

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
)

// Options say what to play; every field but Progress and Accounts is required.
type Options struct {
	Weeks    int
	Seeds    []uint64
	Releases []absfake.Release
	Stop     func() bool           // ends everything early
	Progress func(done, total int) // called after each run, from several goroutines

	Accounts []string // nil: all

	clients []string            // nil: all
	keeper  func(*world) client // in Shelfkeeper's place, to see that goals can be missed

	// played is told what the server saw of a run; called from several goroutines.
	played func(Run, *absfake.Ledger)
}

// Clients are what is compared, in the order of the table.
var Clients = []string{"native", "browser", "relogin", "shelfkeeper"}

var makers = map[string]func(*world) client{
	"native": newNative, "browser": newBrowser, "relogin": newRelogin, "shelfkeeper": newKeeper,
}

// limits are the server's auth requests in ten minutes, by the parity of the
// seed: what ABS comes with, and what a careful admin may set.
var limits = [2]int{40, 10}

// Run is one client on one server through one script.
type Run struct {
	Client  string `json:"client"`
	Account string `json:"account"` // Password or OpenID
	Release string `json:"release"`
	Seed    uint64 `json:"seed"`
	Limit   int    `json:"limit"`
	Count
	Events Events `json:"events"`
}

// Budget is how many auth requests in ten minutes are a fair share of the limit.
func (r Run) Budget() int { return max(4, r.Limit/4) }

// Play makes every run, several at a time, and reports them. It needs a test,
// since bubbles do; t fails only when a run could not be made.
func Play(t *testing.T, o Options) *Report {
	clients := o.clients
	if clients == nil {
		clients = Clients
	}
	accounts := o.Accounts
	if accounts == nil {
		accounts = Accounts
	}
	var runs []Run
	for _, release := range o.Releases {
		for _, account := range accounts {
			for _, name := range clients {
				for _, seed := range o.Seeds {
					runs = append(runs, Run{Client: name, Account: account, Release: string(release), Seed: seed, Limit: limits[seed%2]})
				}
			}
		}
	}
	var mu sync.Mutex
	done := 0
	t.Run("survival", func(t *testing.T) {
		for i := range runs {
			r := &runs[i]
			t.Run(fmt.Sprintf("%s/%s/%s/%d", r.Release, r.Account, r.Client, r.Seed), func(t *testing.T) {
				t.Parallel()
				if o.Stop() {
					return
				}
				synctest.Test(t, func(t *testing.T) { r.play(t, o) })
				mu.Lock()
				done++
				mu.Unlock()
				if o.Progress != nil {
					o.Progress(done, len(runs))
				}
			})
		}
	})
	return newReport(o, runs)
}

func (r *Run) play(t *testing.T, o Options) {
	make := makers[r.Client]
	if r.Client == "shelfkeeper" && o.keeper != nil {
		make = o.keeper
	}
	w, err := newWorld(*r, make, o.Stop)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.run(script(r.Seed, o.Weeks)); err != nil {
		t.Fatal(err)
	}
	r.Count, r.Events = w.count(absapi.Grace(r.Release)), w.struck
	if o.played != nil {
		o.played(*r, w.server.Ledger())
	}
}
