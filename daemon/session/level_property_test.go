package session

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
)

// sickVault fails or hangs as a keychain does.
type sickVault struct {
	*keychain.Vault
	mu    sync.Mutex
	err   error         // nil: it works
	hangs chan struct{} // closed when it does not hang any more; nil: it does not

	faults []func() // that end what is wrong with the server
}

func (v *sickVault) fault(r *rig, kind absfake.FaultKind, path string) {
	v.faults = append(v.faults, r.fake.Inject(absfake.Fault{Kind: kind, Path: path}))
}

func (v *sickVault) be(err error, hangs bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hangs != nil {
		close(v.hangs)
	}
	if v.err, v.hangs = err, nil; hangs {
		v.hangs = make(chan struct{})
	}
}

func (v *sickVault) meet(ctx context.Context) error {
	v.mu.Lock()
	err, hangs := v.err, v.hangs
	v.mu.Unlock()
	if hangs != nil {
		select {
		case <-hangs:
		case <-ctx.Done():
			return keychain.ErrHanging
		}
	}
	return err
}

func (v *sickVault) Load(ctx context.Context, account string) (keychain.Record, error) {
	if err := v.meet(ctx); err != nil {
		return keychain.Record{}, err
	}
	return v.Vault.Load(ctx, account)
}

func (v *sickVault) Acquire(ctx context.Context, account string) (func(), error) {
	if err := v.meet(ctx); err != nil {
		return nil, err
	}
	return v.Vault.Acquire(ctx, account)
}

func (v *sickVault) Settle(ctx context.Context, account string) error {
	if err := v.meet(ctx); err != nil {
		return err
	}
	return v.Vault.Settle(ctx, account)
}

// mishaps are what can happen to a session. Only what the session itself can
// know is here: that a server does not answer players is the watchdog's.
var mishaps = map[string]func(*rig, *sickVault){
	"keychain locked":  func(_ *rig, v *sickVault) { v.be(keychain.ErrLocked, false) },
	"keychain absent":  func(_ *rig, v *sickVault) { v.be(keychain.ErrAbsent, false) },
	"keychain denies":  func(_ *rig, v *sickVault) { v.be(keychain.ErrDenied, false) },
	"keychain hangs":   func(_ *rig, v *sickVault) { v.be(nil, true) },
	"keychain is back": func(_ *rig, v *sickVault) { v.be(nil, false) },
	"server away":      func(r *rig, v *sickVault) { v.fault(r, absfake.Refuse, "") },
	"renewing fails":   func(r *rig, v *sickVault) { v.fault(r, absfake.Portal, "/auth/refresh") },
	"renewing stalls":  func(r *rig, v *sickVault) { v.fault(r, absfake.Stall, "/auth/refresh") },
	"server is back": func(_ *rig, v *sickVault) {
		for _, end := range v.faults {
			end()
		}
		v.faults = nil
	},
	"sessions ended":    func(r *rig, _ *sickVault) { _ = r.fake.EndSessions("demo") },
	"password changed":  func(r *rig, _ *sickVault) { _ = r.fake.SetPassword("demo", "changed") },
	"token suspected":   func(r *rig, _ *sickVault) { r.s.handle(machine.Suspected{Token: published(r)}) },
	"network changed":   func(r *rig, _ *sickVault) { r.s.Wake("test") },
	"a second":          func(*rig, *sickVault) { time.Sleep(time.Second) },
	"some minutes":      func(*rig, *sickVault) { time.Sleep(7 * time.Minute) },
	"an hour":           func(*rig, *sickVault) { time.Sleep(time.Hour) },
	"the program again": nil, // see below
}

func published(r *rig) redact.Secret {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.state.Published.Pair.Access.Secret
}

// For every sequence of mishaps: where the level is ok, a request gets a token at
// this very moment, without waiting for anything.
func TestOKMeansThatARequestIsServedNow(t *testing.T) {
	var names []string
	for name := range mishaps {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom(names), 1, 12).Draw(rt, "steps")
		var wrong error
		withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
			v := &sickVault{Vault: r.vault}
			defer v.be(nil, false)
			again := func() {
				r.s.Close()
				r.board = health.NewBoard()
				r.startWith(func(c *Config) { c.Vault = v })
			}
			again()
			for i, name := range steps {
				if name == "the program again" {
					v.be(nil, false) // it would not end before
					again()
				} else {
					mishaps[name](r, v)
				}
				for range 3 {
					if wrong = okMeansServed(r); wrong != nil {
						wrong = fmt.Errorf("after %v: %w", steps[:i+1], wrong)
						return
					}
					synctest.Wait()
				}
			}
		})
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}

// okMeansServed looks at the level without changing anything.
func okMeansServed(r *rig) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if v, _, _ := r.board.View(); v.Level == health.OK && !r.s.state.Usable(time.Now()) {
		return fmt.Errorf("ok in %v without a token", r.s.state.Describe())
	}
	return nil
}

// Nothing is known of a session before it has been opened, so nothing is well.
func TestNothingIsWellBeforeTheSessionIsOpened(t *testing.T) {
	withRig(t, absfake.Config{}, func(r *rig) {
		r.s.Close()
		v := &sickVault{Vault: r.vault}
		v.be(keychain.ErrAbsent, false)
		r.board = health.NewBoard()
		r.startWith(func(c *Config) { c.Vault = v })
		if v := r.level(); v.Level != health.Offline || v.Condition != health.VaultOpening.ID {
			t.Errorf("without a keychain: %+v", v)
		}
		time.Sleep(health.VaultAbsent.Hold)
		synctest.Wait()
		if v := r.level(); v.Condition != health.VaultAbsent.ID {
			t.Errorf("after its hold: %+v", v)
		}
		v.be(nil, false)
		r.s.Wake("test")
		synctest.Wait()
		if v := r.level(); v.Level != health.OK {
			t.Errorf("back: %+v", v)
		}
	})
}

// A prompt keeps the renewal from going on, and the token ends meanwhile.
func TestATokenThatEndsWhileAPromptIsOpenShows(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.s.Close()
		v := &sickVault{Vault: r.vault}
		r.startWith(func(c *Config) { c.Vault = v })
		v.be(nil, true)
		time.Sleep(59 * time.Minute)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if v := r.level(); v.Level < health.Offline {
			t.Errorf("ended: %+v", v)
		}
		v.be(nil, false)
		r.s.Wake("test")
		time.Sleep(time.Minute)
		synctest.Wait()
		if v := r.level(); v.Level != health.OK {
			t.Errorf("answered: %+v", v)
		}
	})
}
