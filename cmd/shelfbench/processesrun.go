package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// crowd is two daemons and a command line on one vault, each with a state of its
// own, so that none knows of the others.
type crowd struct {
	server  *crashServer
	home    *crashHome // with the first daemon
	other   *crashHome // with the second
	alone   *crashHome // with none
	daemons [2]*benchDaemon
	enough  int64

	byDaemons, byCommands, statuses, failed atomic.Int64
	mu                                      sync.Mutex
	errs                                    []error
}

// breath is how long a daemon pauses at most between two renewals. A waiting
// process looks at the lock each 50 ms; without a pause daemons, which need no
// start, would leave commands no turn.
const breath = 60 * time.Millisecond

// maxErrors is how many failures are told in full.
const maxErrors = 5

func runProcesses(
	ctx context.Context, binary string, release absfake.Release, rotations int, progress io.Writer,
) (row processesRow, err error) {
	c := &crowd{enough: int64(rotations)}
	// Tokens that outlive the run: each rotation is one that somebody forced.
	if c.server, err = newCrashServer(release, 12*time.Hour); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, c.server.close()) }()
	if c.home, err = newCrashHome(binary, "file", nil); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, c.home.remove()) }()
	if err := c.start(ctx); err != nil {
		return row, err
	}
	defer func() {
		for _, d := range c.daemons {
			d.kill()
		}
	}()
	before, err := c.stored(ctx)
	if err != nil {
		return row, err
	}
	c.race(ctx, progress)
	if ctx.Err() != nil {
		return row, ctx.Err()
	}
	after, err := c.stored(ctx)
	if err != nil {
		return row, err
	}
	row = processesRow{
		Release: release, Generations: int(after.Generation - before.Generation), Left: c.leave(ctx, after.Refresh),
		ByDaemons: int(c.byDaemons.Load()), ByCommands: int(c.byCommands.Load()), Statuses: int(c.statuses.Load()), Failed: int(c.failed.Load()),
	}
	if row.losses, err = lossesOf(c.server.Ledger()); err != nil {
		return row, err
	}
	row.SessionsLost, row.Unexplained = row.SessionsLost-refusedAtTheEnd, row.Unexplained-refusedAtTheEnd
	row.Adopted = row.ByDaemons + row.ByCommands - row.Rotations
	row.Doubled = presentedTwice(c.server.Ledger())
	row.Verdict = row.judge()
	return row, errors.Join(c.errs...)
}

func (c *crowd) start(ctx context.Context) (err error) {
	if err := c.home.login(ctx, c.server.url); err != nil {
		return err
	}
	if c.other, err = c.home.beside("run2"); err != nil {
		return err
	}
	if c.alone, err = c.home.beside("run3"); err != nil {
		return err
	}
	if c.daemons[0], err = c.home.daemon(ctx); err != nil {
		return err
	}
	if c.daemons[1], err = c.other.daemon(ctx, "--listen", "127.0.0.1:0"); err != nil {
		c.daemons[0].kill()
		return err
	}
	for _, d := range c.daemons {
		if err := d.until(ctx, "signed in", func(g uint64) bool { return g > 0 }); err != nil {
			for _, d := range c.daemons {
				d.kill()
			}
			return err
		}
	}
	return nil
}

// stored is what the vault holds, read by this process as a further one.
func (c *crowd) stored(ctx context.Context) (rec keychain.Record, err error) {
	err = c.withVault(ctx, func(v *keychain.Vault) error {
		rec, err = v.Load(ctx, c.account())
		return err
	})
	return rec, err
}

func (c *crowd) withVault(ctx context.Context, do func(*keychain.Vault) error) error {
	v, err := keychain.Open(ctx, keychain.Options{Backend: keychain.File, Dir: c.home.state("vault"), Passphrase: redact.New(benchWords)})
	if err != nil {
		return err
	}
	return errors.Join(do(v), v.Close())
}

// account is the name that a sign-in to 127.0.0.1 gets.
func (c *crowd) account() string { return "127-0-0-1-" + benchUser }

// race lets everybody renew the session until the server has rotated often
// enough.
func (c *crowd) race(ctx context.Context, progress io.Writer) {
	began := c.rotations()
	var wg sync.WaitGroup
	more := func() bool { return ctx.Err() == nil && c.rotations()-began < c.enough && c.failed.Load() < maxErrors }
	for _, d := range c.daemons {
		wg.Go(func() {
			for more() {
				c.note(&c.byDaemons, d.client.Reauthenticate(ctx, ""))
				_ = wait(ctx, rand.N(breath))
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for more() {
				c.note(&c.byCommands, c.alone.do(ctx, "", "reauth"))
				c.note(&c.statuses, c.home.do(ctx, "", "status"))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	tellEachSecond(progress, done, func() string {
		return fmt.Sprintf("%d of %d rotations, %d reauth, %d failed",
			c.rotations()-began, c.enough, c.byDaemons.Load()+c.byCommands.Load(), c.failed.Load())
	})
}

func (c *crowd) rotations() int64 {
	totals := c.server.Ledger().Totals()
	return totals.Rotations - totals.Replays
}

func (c *crowd) note(what *atomic.Int64, err error) {
	what.Add(1)
	if err == nil {
		return
	}
	c.failed.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

// refusedAtTheEnd is the one token that leave presents to see it refused.
const refusedAtTheEnd = 1

// leave signs out through one daemon and returns what is left anywhere: the
// last token must be dead, the other daemon must have noticed, and no file may
// hold a secret or be half written.
func (c *crowd) leave(ctx context.Context, last redact.Secret) (left []string) {
	if err := c.home.do(ctx, "", "logout"); err != nil {
		left = append(left, err.Error())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.url+"/auth/refresh", nil)
	if err == nil {
		req.Header.Set("x-refresh-token", last.Reveal())
		var resp *http.Response
		if resp, err = http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				left = append(left, "a session on the server")
			}
		}
	}
	if err != nil {
		left = append(left, err.Error())
	}
	if c.daemons[1].client.Reauthenticate(ctx, "") == nil {
		left = append(left, "a session in the other daemon")
	}
	for _, h := range []*crashHome{c.home, c.other} {
		if err := h.do(ctx, "", "quit"); err != nil {
			left = append(left, err.Error())
		}
	}
	for _, d := range c.daemons {
		d.kill() // gone already
	}
	err = c.withVault(ctx, func(v *keychain.Vault) error {
		rec, err := v.LoadAny(ctx, c.account())
		if err == nil && !rec.Tombstone {
			left = append(left, "a session in the vault")
		}
		return err
	})
	walked := filepath.WalkDir(c.home.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".tmp") || strings.HasSuffix(path, ".sock")) {
			left = append(left, filepath.Base(path))
		}
		return err
	})
	if err := errors.Join(err, walked); err != nil {
		left = append(left, err.Error())
	}
	return left
}

// presentedTwice counts refresh tokens that reached the server more than once
// before the session ended.
func presentedTwice(l *absfake.Ledger) (n int) {
	seen := map[string]int{}
	for _, e := range l.Entries() {
		if e.Path == "/auth/refresh" && e.Status == http.StatusOK {
			if seen[e.Refresh]++; seen[e.Refresh] == 2 {
				n++
			}
		}
	}
	return n
}
