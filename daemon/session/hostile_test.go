package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// clocks are the machine's: somebody may set the wall clock between two steps.
type clocks struct {
	begin time.Time
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clocks) set(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = ahead
}

func (c *clocks) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return onClocks(time.Now().Round(0).Add(c.ahead), time.Since(c.begin))
}

// onClocks is a moment whose clocks show different things: package time makes no
// such value itself. See the machine's own test of clocks.
func onClocks(wall time.Time, monotonic time.Duration) time.Time {
	at := wall
	raw := (*struct {
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&at))
	const from1885 = 62135596800 - 59453308800 // Unix seconds to those that package time counts here
	raw.wall = 1<<63 | uint64(wall.Unix()+from1885)<<30 | uint64(wall.Nanosecond())
	raw.ext = int64(time.Hour + monotonic)
	return at
}

// moodyVault locks, lies and has no room as it is told.
type moodyVault struct {
	*keychain.Vault

	mu     sync.Mutex
	locked bool
	full   bool // nothing is written
	torn   bool // it is written, and an error says that it may not be
	older  int  // how many records back Load lies; 0: it does not
	nth    int  // at the nth write from now on, atNth happens; 0: nothing
	atNth  func() error

	kept []keychain.Record // what was written, the newest last
}

var errTorn = errors.New("sync directory: input/output error")

func (v *moodyVault) mood(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f()
}

func (v *moodyVault) Acquire(ctx context.Context, account string) (func(), error) {
	v.mu.Lock()
	locked := v.locked
	v.mu.Unlock()
	if locked {
		return nil, keychain.ErrLocked
	}
	return v.Vault.Acquire(ctx, account)
}

func (v *moodyVault) Load(ctx context.Context, account string) (keychain.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.locked:
		return keychain.Record{}, keychain.ErrLocked
	case v.older > 0 && len(v.kept) > 0:
		return v.kept[max(0, len(v.kept)-1-v.older)], nil
	}
	return v.Vault.Load(ctx, account)
}

func (v *moodyVault) Commit(ctx context.Context, rec keychain.Record) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.locked:
		return keychain.ErrLocked
	case v.full:
		return &syscallError{syscall.ENOSPC}
	}
	if v.nth--; v.nth == 0 {
		if err := v.atNth(); err != nil {
			return err
		}
	}
	if err := v.Vault.Commit(ctx, rec); err != nil {
		return err
	}
	v.kept = append(v.kept, rec)
	if v.torn {
		return errTorn
	}
	return nil
}

func (v *moodyVault) Settle(ctx context.Context, account string) error {
	v.mu.Lock()
	locked, full := v.locked, v.full
	v.mu.Unlock()
	switch {
	case locked:
		return keychain.ErrLocked
	case full:
		return &syscallError{syscall.ENOSPC}
	}
	return v.Vault.Settle(ctx, account)
}

// knows reports whether the token was ever durable.
func (v *moodyVault) knows(token redact.Secret) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.kept, func(rec keychain.Record) bool { return rec.Access == token })
}

type syscallError struct{ error }

func (e *syscallError) Unwrap() error { return e.error }

// act is one thing that goes wrong, or right again, and how long it then stays so.
type act struct {
	What    string
	Seconds int
	Size    int
}

var acts = []string{
	"nothing", "lock", "unlock", "full", "torn", "room", "older", "honest", "clock", "clock, told", "clock right", "restart", "wake",
	"lose an answer", "server down", "server up", "asked", "full at a write", "clock at a write",
}

func drawActs(t *rapid.T) (plan []act) {
	for range rapid.IntRange(1, 12).Draw(t, "length") {
		plan = append(plan, act{
			What:    rapid.SampledFrom(acts).Draw(t, "what"),
			Seconds: rapid.SampledFrom([]int{0, 1, 3, 20, 90, 700, 4000}).Draw(t, "seconds"),
			Size:    rapid.IntRange(-72, 72).Draw(t, "size"),
		})
	}
	return plan
}

// A keychain that locks or tells what it held before, a disk that is full at any
// write or unsure of it, and clocks that are set between any two steps: whatever
// comes together, no token is given out that was not durable, the server's limit
// is kept, and soon after the world is kind again the account is signed in.
func TestHostileVaultDiskAndClocks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		release := rapid.SampledFrom([]absfake.Release{absfake.R2263, absfake.R2332, absfake.R2350, absfake.R2360}).Draw(rt, "release")
		if wrong := playActs(t, release, drawActs(rt)); wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// What went wrong once: a clock that was set back kept releases whose tokens carry no
// id from renewing for as long as it had been ahead, and a keychain that was locked
// for a while stayed a condition after the record of another process was adopted. The
// third is a start that is told an older record, whose token is good for the moment.
func TestHostilePlansThatFailedOnce(t *testing.T) {
	for _, c := range []struct {
		release absfake.Release
		plan    []act
	}{
		{absfake.R2263, []act{{"full", 4000, 0}, {"clock", 0, 14}, {"restart", 3, 0}}},
		{absfake.R2350, []act{{"full", 4000, 0}, {"clock, told", 0, 60}, {"restart", 3, 0}, {"room", 0, 0}}},
		{absfake.R2350, []act{{"asked", 0, 72}, {"full", 1, -2}, {"older", 0, -31}, {"restart", 0, 72}}},
		{absfake.R2360, []act{{"older", 4000, 2}, {"restart", 0, 0}, {"lock", 1, 0}, {"full", 90, 0}}},
	} {
		if wrong := playActs(t, c.release, c.plan); wrong != "" {
			t.Errorf("%s, %v: %s", c.release, c.plan, wrong)
		}
	}
}

// playActs returns what went wrong, "" for nothing.
func playActs(t *testing.T, release absfake.Release, plan []act) (wrong string) {
	withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour, LimiterMax: 40}, func(r *rig) {
		r.s.Close()
		first := r.record()
		v, clock := &moodyVault{Vault: r.vault, kept: []keychain.Record{first}}, &clocks{begin: time.Now()}
		start := func() { r.startWith(func(c *Config) { c.Vault, c.Now = v, clock.now }) }
		start()
		up := func() {}
		for i, a := range plan {
			r.act(a, v, clock, start, &up)
			time.Sleep(time.Duration(a.Seconds) * time.Second)
			if text := r.promises(v); text != "" {
				wrong = fmt.Sprintf("after step %d (%+v): %s", i, a, text)
				break
			}
		}
		up()
		clock.set(0)
		v.mood(func() { v.locked, v.full, v.torn, v.older, v.nth = false, false, false, 0, 0 })
		r.s.Wake("all is well")
		time.Sleep(20 * time.Minute)
		if wrong == "" {
			wrong = r.recovered(v)
		}
		if wrong != "" {
			wrong += "\n" + r.log.String()
		}
	})
	return wrong
}

func (r *rig) act(a act, v *moodyVault, clock *clocks, start func(), up *func()) {
	ahead := time.Duration(a.Size) * time.Hour
	switch a.What {
	case "lock":
		v.mood(func() { v.locked = true })
	case "unlock":
		v.mood(func() { v.locked = false })
	case "full":
		v.mood(func() { v.full, v.torn = true, false })
	case "torn":
		v.mood(func() { v.full, v.torn = false, true })
	case "room":
		v.mood(func() { v.full, v.torn = false, false })
	case "older":
		v.mood(func() { v.older = 1 + max(a.Size, -a.Size)%5 })
	case "honest":
		v.mood(func() { v.older = 0 })
	case "clock":
		clock.set(ahead)
	case "clock, told":
		clock.set(ahead)
		r.s.Wake("clock set")
	case "clock right":
		clock.set(0)
	case "restart":
		r.s.Close()
		start()
	case "wake":
		r.s.Wake("network changed")
	case "full at a write": // each attempt has two to four
		v.mood(func() {
			v.nth, v.atNth = 1+max(a.Size, -a.Size)%5, func() error { return &syscallError{syscall.ENOSPC} }
		})
	case "clock at a write":
		v.mood(func() { v.nth, v.atNth = 1+max(a.Size, -a.Size)%5, func() error { clock.set(ahead); return nil } })
	case "lose an answer":
		r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 1})
	case "server down":
		(*up)()
		*up = r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
	case "server up":
		(*up)()
	case "asked":
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		_ = r.s.Reauthenticate(ctx, false) // it may fail as the world is
	}
}

// promises says which promise is broken now, "" for none.
func (r *rig) promises(v *moodyVault) string {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	token, err := r.s.Token(ctx)
	var u *Unavailable
	switch {
	case err == nil && !v.knows(token):
		return "a token was given out that was never durable"
	case err != nil && !errors.As(err, &u):
		return "an error of another kind: " + err.Error()
	}
	if n := r.fake.Ledger().MaxAuthIn(10 * time.Minute); n > 11 { // a quarter of 40, and the rig's own sign-in
		return fmt.Sprintf("%d requests of the server's limit in ten minutes", n)
	}
	return ""
}

// recovered says what is missing once the world is kind again.
func (r *rig) recovered(v *moodyVault) string {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	token, err := r.s.Token(ctx)
	if err == nil && !r.accepted(token) {
		token, err = r.s.Suspect(ctx, token)
	}
	rec := r.record()
	if err == nil && rec.Access != token {
		// A start read an older record, whose token lives still. The next renewal
		// finds the newest one.
		time.Sleep(time.Hour)
		if token, err = r.s.Token(r.Context()); err == nil {
			rec = r.record()
		}
	}
	switch {
	case err != nil:
		return "no token: " + err.Error()
	case !r.accepted(token):
		return "the server refuses the token"
	case !v.knows(token):
		return "the token was never durable"
	case rec.Access != token, rec.Intent != nil, !rec.Password.IsStored():
		return fmt.Sprintf("the vault holds generation %d, another session or none: %v", rec.Generation, rec.Intent)
	case r.level().Level != health.OK:
		return fmt.Sprintf("level %+v", r.level())
	}
	return ""
}
