package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
)

// crashRow is what came of the kills on one release with one vault.
type crashRow struct {
	Vault   string          `json:"vault"`
	Release absfake.Release `json:"release"`
	Seed    uint64          `json:"seed"`
	Kills   int             `json:"kills"`
	Aimed   int             `json:"aimed"` // of these, at a rotation that had begun
	losses
	GenerationsLost int     `json:"generations_lost"` // a start found an older one than had been published
	NeedsUser       int     `json:"needs_user"`       // daemons that asked for the user
	PlayerRequests  int     `json:"player_requests"`
	Player401       int     `json:"player_401"`
	SlowestSeconds  float64 `json:"slowest_comeback_s"`
	Verdict         string  `json:"verdict"` // "" where everything is as promised
}

// judge says what breaks the promise: with a grace window nothing is lost and
// no password sent; without, one password for each answer that was truly lost;
// and nobody is ever asked.
func (r crashRow) judge() string {
	grace := absapi.Grace(string(r.Release)) > 0
	switch {
	case r.GenerationsLost > 0:
		return "a published session was lost"
	case r.NeedsUser > 0:
		return "the user was needed"
	case r.Player401 > 0:
		return "a player got a 401"
	case r.Refused > 0:
		return "a password was refused"
	case r.Unexplained > 0:
		return "a session ended that no lost answer explains"
	case grace && (r.SessionsLost > 0 || r.SignIns > 0):
		return "a session was lost in spite of the grace window"
	case r.SignIns != r.SessionsLost+r.SignInsLost:
		return "sign-ins and lost answers do not match"
	}
	return ""
}

// crashPlan says what is to be killed.
type crashPlan struct {
	binary   string
	kills    int
	ttl      time.Duration
	seed     uint64
	vaults   []string
	releases []absfake.Release
	keyring  func() []string // starts a keyring and returns the environment that leads to it
}

func newCrash() *cobra.Command {
	var asJSON bool
	var vault string
	plan := crashPlan{releases: absfake.RotatingReleases()}
	c := &cobra.Command{
		Use:   "crash",
		Short: "Kills the daemon at random moments, half of them within rotations, and counts what was lost",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			switch vault {
			case "all":
				plan.vaults = []string{"file", "os"}
			case "file", "os":
				plan.vaults = []string{vault}
			default:
				return fmt.Errorf("no vault is called %q; there are file, os and all", vault)
			}
			out, progress, ctx := c.OutOrStdout(), c.ErrOrStderr(), c.Context()
			dir, err := os.MkdirTemp("", "shelfbench-")
			if err != nil {
				return err
			}
			if plan.binary, err = buildShelfkeeper(ctx, dir); err != nil {
				return errors.Join(err, os.RemoveAll(dir))
			}
			// A keyring of its own wants a test that ends it.
			return inBubbles(func(t *testing.T) error {
				defer func() { _ = os.RemoveAll(dir) }()
				plan.keyring = func() []string { return keyringEnv(t) }
				rows, err := plan.run(ctx, progress)
				return errors.Join(err, printCrash(out, rows, asJSON))
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().IntVar(&plan.kills, "kills", 300, "how often to kill, for each release and vault")
	c.Flags().DurationVar(&plan.ttl, "ttl", 2*time.Second, "lifetime of access tokens")
	c.Flags().Uint64Var(&plan.seed, "seed", uint64(time.Now().UnixNano()), "makes the moments of the kills repeatable")
	c.Flags().StringVar(&vault, "vault", "all", "file, os (a throwaway gnome-keyring) or all")
	return c
}

// run kills on all releases side by side, since a daemon mostly waits, and says
// each second how far it is.
func (p crashPlan) run(ctx context.Context, progress io.Writer) ([]crashRow, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all []*campaign
	var errs []error
	for _, vault := range p.vaults {
		for i, release := range p.releases {
			var env []string
			if vault == "os" {
				env = p.keyring()
			}
			c, err := newCampaign(p, vault, release, p.seed+uint64(i), env)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			defer func() { _ = c.home.remove() }()
			all = append(all, c)
		}
	}
	var wg sync.WaitGroup
	failed := make([]error, len(all))
	for i, c := range all {
		wg.Go(func() {
			if err := c.run(ctx); err != nil {
				failed[i] = fmt.Errorf("%s vault, %s: %w", c.row.Vault, c.row.Release, err)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	tellEachSecond(progress, done, func() string {
		kills, rotations, logins := int64(0), int64(0), int64(0)
		for _, c := range all {
			totals := c.server.Ledger().Totals()
			kills, rotations, logins = kills+c.killed.Load(), rotations+totals.Rotations-totals.Replays, logins+totals.Logins-1
		}
		return fmt.Sprintf("%d of %d kills, %d rotations, %d password logins", kills, p.kills*len(all), rotations, logins)
	})
	var rows []crashRow
	for _, c := range all {
		rows = append(rows, c.row)
	}
	return rows, errors.Join(append(errs, failed...)...)
}

// tellEachSecond prints a line each second until done is closed.
func tellEachSecond(w io.Writer, done <-chan struct{}, line func() string) {
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprintf(w, "%4.0f s  %s\n", time.Since(began).Seconds(), line())
		case <-done:
			return
		}
	}
}

// campaign kills the daemon of one home on one server.
type campaign struct {
	plan   crashPlan
	home   *crashHome
	server *crashServer
	killed atomic.Int64
	row    crashRow
}

func printCrash(out io.Writer, rows []crashRow, asJSON bool) error {
	var bad error
	for _, r := range rows {
		if r.Verdict != "" {
			bad = errors.Join(bad, fmt.Errorf("%s vault, %s: %s", r.Vault, r.Release, r.Verdict))
		}
	}
	if asJSON {
		return errors.Join(json.NewEncoder(out).Encode(struct {
			Rows []crashRow `json:"rows"`
		}{rows}), bad)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "vault\trelease\tkills\taimed\trotations\tanswers lost\t"+
		"sessions lost\tpassword logins\tlogins cut off\tuser needed\tplayer 401\tslowest comeback\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d of %d\t%.1f s\t\n",
			r.Vault, r.Release, r.Kills, r.Aimed, r.Rotations, r.AnswersLost, r.SessionsLost,
			r.SignIns, r.SignInsLost, r.NeedsUser, r.Player401, r.PlayerRequests, r.SlowestSeconds)
	}
	return errors.Join(w.Flush(), bad)
}
