package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/cmd/shelfbench/survival"
	"shelfkeeper/daemon/absfake"
)

func newSurvival() *cobra.Command {
	var asJSON, markdown, day bool
	var seeds, picture string
	var releases []string
	o := survival.Options{}
	c := &cobra.Command{
		Use:   "survival",
		Short: "Weeks of bad luck in seconds: what becomes of a session, by client and release",
		Long:  survivalHelp,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if o.Seeds, err = parseSeeds(seeds); err != nil {
				return err
			}
			if o.Releases, err = rotating(releases); err != nil {
				return err
			}
			for _, a := range o.Accounts {
				if !slices.Contains(survival.Accounts, a) {
					return fmt.Errorf("--account %s: known are %v", a, survival.Accounts)
				}
			}
			if o.Weeks < 1 {
				return errors.New("--weeks: at least one")
			}
			ctx, out := c.Context(), c.OutOrStdout() // before the bubbles silence it
			if day {
				return inBubbles(func(t *testing.T) error { return playDay(t, out, o, asJSON, picture) })
			}
			o.Stop = func() bool { return ctx.Err() != nil }
			return inBubbles(func(t *testing.T) error {
				report := playSurvival(ctx, t, o)
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				if err := printSurvival(out, report, asJSON, markdown); err != nil {
					return err
				}
				if err := writePicture(picture, report.SVG); err != nil {
					return err
				}
				return report.Missed()
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().BoolVar(&markdown, "markdown", false, "print the table as the documentation shows it")
	c.Flags().StringVar(&seeds, "seeds", "1-20",
		"seeds of the scripts, as in 1-20 or 3,7; odd ones have a sign-in limit of 10, even ones of 40")
	c.Flags().IntVar(&o.Weeks, "weeks", 5, "how long a run is")
	c.Flags().StringArrayVar(&releases, "release", nil, "only this release of the server (may be repeated)")
	c.Flags().StringArrayVar(&o.Accounts, "account", nil, "only this kind of account, password or oidc (may be repeated)")
	c.Flags().BoolVar(&day, "day", false, "instead, one ordinary day of 24 hours as a timeline: requests, renewals, sleeps")
	c.Flags().StringVar(&picture, "svg", "", "draw the outcome into this file")
	return c
}

const survivalHelp = `Weeks of bad luck in seconds: what becomes of a session, by client, kind of
account and release of the server. All clients live through the same script of
listening, sleeps, changes of network, crashes, restarts and outages.

The script places half of its sleeps and crashes inside a rotation. Where one of
them falls between the server's write and the durable answer, the loss is certain
whatever a client does, unless the server answers the old token again. Such losses
are counted apart (losses_certain), and so are the sign-ins by hand that follow
from them alone (sign_ins_certain): rotations_lost and sign_ins are the rest.
Shelfkeeper asks the system to delay a suspend while it renews, and the machine
grants it up to five seconds, as logind does.

An account with a password may come back by itself. One that signs in through
OpenID (oidc) has tokens and nothing else: Shelfkeeper keeps spare sessions, three
before 2.36.0, and seven where besides a token lives an hour and no answer is
repeated. Where the server's limit has no room for all of them at once, the others
follow while the browser's page stays open: here the user leaves it open, and a
sleep or the end of the program ends it.`

// playDay plays one day on the newest of the named releases.
func playDay(t *testing.T, out io.Writer, o survival.Options, asJSON bool, picture string) error {
	kind := survival.Password
	if len(o.Accounts) > 0 {
		kind = o.Accounts[0]
	}
	day, err := survival.PlayDay(t, o.Releases[len(o.Releases)-1], kind)
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(out).Encode(day)
	} else {
		err = day.Timeline(out)
	}
	return errors.Join(err, writePicture(picture, day.SVG))
}

// writePicture draws into the file, if one is named.
func writePicture(path string, draw func() []byte) error {
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, draw(), 0o644); err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	return nil
}

// maxSeeds bounds what one run is asked for.
const maxSeeds = 10_000

func parseSeeds(text string) (seeds []uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(from, 10, 32)
		last, err2 := strconv.ParseUint(to, 10, 32)
		if err1 != nil || err2 != nil || last < first || last-first >= maxSeeds {
			return nil, fmt.Errorf("--seeds %s: give numbers and ranges, as in 1-20 or 3,7", text)
		}
		for s := first; s <= last; s++ {
			seeds = append(seeds, s)
		}
	}
	return seeds, nil
}

// rotating are the named releases, or all whose sessions rotate.
func rotating(names []string) ([]absfake.Release, error) {
	all := absfake.RotatingReleases()
	if names == nil {
		return all, nil
	}
	var chosen []absfake.Release
	for _, n := range names {
		if !slices.Contains(all, absfake.Release(n)) {
			return nil, fmt.Errorf("--release %s: known are %v", n, all)
		}
		chosen = append(chosen, absfake.Release(n))
	}
	return chosen, nil
}

// playSurvival plays, and tells each second how far it is.
func playSurvival(ctx context.Context, t *testing.T, o survival.Options) *survival.Report {
	var done, total atomic.Int64
	o.Progress = func(d, n int) {
		done.Store(int64(d))
		total.Store(int64(n))
	}
	began, over, told := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(os.Stderr, "survival: %d of %d runs, %.0f s\n", done.Load(), total.Load(), time.Since(began).Seconds())
			case <-ctx.Done():
				return
			case <-over:
				return
			}
		}
	}()
	report := survival.Play(t, o)
	close(over)
	<-told
	return report
}

func printSurvival(out io.Writer, r *survival.Report, asJSON, markdown bool) error {
	switch {
	case asJSON:
		return json.NewEncoder(out).Encode(r)
	case markdown:
		return r.Markdown(out)
	}
	return r.Table(out)
}
