package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"shelfkeeper/daemon/absfake"
)

const (
	// aimWithin is how long after the first sign of a rotation the daemon is
	// killed at the latest; most take less.
	aimWithin = 40 * time.Millisecond
	// playerPause lies between two requests of the player that listens
	// throughout.
	playerPause = 50 * time.Millisecond
)

func newCampaign(p crashPlan, vault string, release absfake.Release, seed uint64, env []string) (*campaign, error) {
	c := &campaign{plan: p, row: crashRow{Vault: vault, Release: release, Seed: seed}}
	var err error
	if c.home, err = newCrashHome(p.binary, vault, env); err != nil {
		return nil, err
	}
	if c.server, err = newCrashServer(release, p.ttl); err != nil {
		return nil, errors.Join(err, c.home.remove())
	}
	return c, nil
}

// run signs in, kills, and lets a last daemon come back.
func (c *campaign) run(ctx context.Context) (err error) {
	closed := false
	defer func() {
		if !closed {
			err = errors.Join(err, c.server.close())
		}
	}()
	if err := c.home.login(ctx, c.server.url); err != nil {
		return err
	}
	listening, hangUp := context.WithCancel(ctx)
	player := make(chan struct{})
	go func() {
		defer close(player)
		c.listen(listening)
	}()
	err = c.rounds(ctx)
	hangUp()
	<-player
	closed = true
	if err = errors.Join(err, c.server.close()); err != nil {
		return err
	}
	if c.row.losses, err = lossesOf(c.server.Ledger()); err != nil {
		return err
	}
	c.row.Verdict = c.row.judge()
	return nil
}

func (c *campaign) rounds(ctx context.Context) error {
	chance := rand.New(rand.NewPCG(c.row.Seed, 0))
	newest := uint64(0)
	for range c.plan.kills {
		d, err := c.home.daemon(ctx)
		if err != nil {
			return err
		}
		if err := c.moment(ctx, chance, d, newest); err != nil {
			d.kill()
			return err
		}
		d.kill()
		c.row.Kills++
		c.killed.Add(1)
		newest = c.note(d, newest)
	}
	d, err := c.home.daemon(ctx)
	if err != nil {
		return err
	}
	defer d.kill()
	// One rotation more: what came back is a session and not only a token.
	err = d.until(ctx, "as new as the last one", func(g uint64) bool { return g > newest && g > 1 })
	c.note(d, newest)
	return err
}

// moment returns when the daemon is to be killed: at any moment of a token's
// life, or soon after the first sign of a rotation, of the preflight or of the
// request itself. Each third daemon must be signed in first.
func (c *campaign) moment(ctx context.Context, chance *rand.Rand, d *benchDaemon, newest uint64) error {
	if chance.IntN(3) == 0 {
		if err := d.until(ctx, "signed in again", func(g uint64) bool { return g > 0 }); err != nil {
			return err
		}
	}
	if chance.IntN(2) == 0 {
		return wait(ctx, time.Duration(chance.Int64N(int64(c.plan.ttl))))
	}
	path := "/auth/refresh"
	if chance.IntN(3) == 0 {
		path = "/ping"
	}
	deadline := time.NewTimer(benchPatience)
	defer deadline.Stop()
	for {
		select {
		case begun := <-c.server.begins:
			if begun != path && begun != "/login" {
				continue
			}
			c.row.Aimed++
			return wait(ctx, time.Duration(chance.Int64N(int64(aimWithin))))
		case <-d.ended:
			return fmt.Errorf("the daemon ended by itself:\n%s", &d.said)
		case <-deadline.C:
			d.kill()
			return fmt.Errorf("no rotation within %v:\n%s", benchPatience, &d.said)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// note keeps what a daemon showed, and returns the newest generation seen.
func (c *campaign) note(d *benchDaemon, newest uint64) uint64 {
	if d.needsUser.Load() {
		c.row.NeedsUser++
	}
	c.row.SlowestSeconds = max(c.row.SlowestSeconds, time.Duration(d.cameAfter.Load()).Seconds())
	switch seen := d.generation.Load(); {
	case seen == 0:
	case seen < newest:
		c.row.GenerationsLost++
	default:
		newest = seen
	}
	return newest
}

// listen is a player that asks again and again.
func (c *campaign) listen(ctx context.Context) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	url := fmt.Sprintf("http://127.0.0.1:%d/api/me", c.home.port)
	for wait(ctx, playerPause) == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			continue // nobody listens: the daemon was killed
		}
		c.row.PlayerRequests++
		if resp.StatusCode == http.StatusUnauthorized {
			c.row.Player401++
		}
		_ = resp.Body.Close()
	}
}
