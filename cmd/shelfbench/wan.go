package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// wanRow is one case over one way.
type wanRow struct {
	Via      string  `json:"via"`
	Upstream string  `json:"upstream"`
	Case     string  `json:"case"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	Bytes    int64   `json:"bytes_on_line"` // both directions, the median of the samples
}

type wanReport struct {
	RoundTrip float64  `json:"round_trip_ms"`
	Mbit      float64  `json:"mbit_s"`
	Stalls    float64  `json:"stalls"`
	Full      bool     `json:"full"`
	Rows      []wanRow `json:"rows"`
	Goals     []goal   `json:"goals"`
}

// wanOptions are the flags.
type wanOptions struct {
	samples int
	full    bool
	stalls  float64
	only    string
	program string
}

func newWan() *cobra.Command {
	var asJSON bool
	var svg, from string
	var o wanOptions
	c := &cobra.Command{
		Use:   "wan",
		Short: "What a listener waits for over a real line: directly, through Caddy, nginx and Shelfkeeper",
		Long: `Puts a line of 40 ms and 20 Mbit/s between a server and its clients, in user
space, and measures what a person waits for. The server is the double: behind a
real nginx with TLS, once with HTTP/2 and once with HTTP/1.1 (keep-alive 75 s,
gzip for JSON), and directly as Node serves it (keep-alive 5 s). direct is a
client that behaves as a browser; caddy, nginx and shelfkeeper are programs on
this machine that the same client asks over six connections.

  first-cold    first byte of a Range request, no connection is open
  first-10s     the same after 10 s in which nothing was asked for
  first-60s     after 60 s
  first-10min   after 10 min (with --full only)
  seek          first byte at another place of a book that is being streamed
  page          the library page, 50 covers and 20 calls, new connections of the player
  page-again    the same once more at once
  list-10000    a list of 10,000 books, 7 MB, to its end
  first-token   first byte right after the access token has ended
  first-moved   first byte half a second after all connections were cut

Before a pause the player has just been asking. Needs nginx and caddy.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runtime.GOOS != "linux" {
				return errors.New("wan reads /proc: it runs on Linux only")
			}
			var r wanReport
			var err error
			if from != "" {
				var raw []byte
				if raw, err = os.ReadFile(from); err == nil {
					err = json.Unmarshal(raw, &r)
				}
			} else {
				r, err = measureWan(c.Context(), c.ErrOrStderr(), o)
			}
			if err != nil {
				if len(r.Rows) == 0 {
					return err
				}
				return errors.Join(err, r.print(c.OutOrStdout(), asJSON)) // what was measured until then is still true
			}
			if svg != "" {
				if err := os.WriteFile(svg, drawWan(r.Rows), 0o644); err != nil {
					return err
				}
			}
			return r.print(c.OutOrStdout(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().IntVar(&o.samples, "samples", 8, "samples of each case without a pause")
	c.Flags().BoolVar(&o.full, "full", false, "with pauses of 10 min, and more samples of the others: takes half an hour")
	c.Flags().Float64Var(&o.stalls, "stalls", 0, "the share of pieces of 8 kB that get lost, from 0 to 1")
	c.Flags().StringVar(&o.only, "only", "", "measure these `cases` alone, separated by commas")
	c.Flags().StringVar(&o.program, "program", "", "measure this `file` as Shelfkeeper instead of a new build")
	c.Flags().StringVar(&svg, "svg", "", "write a picture of the rows to this `file`")
	c.Flags().StringVar(&from, "from", "", "show the JSON of an earlier run from this `file`")
	return c
}

// wanCase is something that a listener waits for.
type wanCase struct {
	name    string
	samples int
	pause   time.Duration // before each sample, for all ways at once
	token   bool          // on the rig with short tokens
	before  func(context.Context, *wanWay) error
	measure func(*wanPlayer, context.Context) (time.Duration, error)
}

// wanTokenLife is how long a token lives where its end is measured.
const wanTokenLife = 3 * time.Second

func wanCases(o wanOptions) []wanCase {
	first := (*wanPlayer).firstByte
	page := func(p *wanPlayer, ctx context.Context) (time.Duration, error) { return p.whole(ctx, libraryPage()) }
	ask := func(ctx context.Context, w *wanWay) error { _, err := w.player.firstByte(ctx); return err }
	cold := func(ctx context.Context, w *wanWay) error {
		w.player.renew()
		w.line.cut()
		return wait(ctx, 20*time.Millisecond) // the ends are noticed, and nothing is open again
	}
	moved := func(ctx context.Context, w *wanWay) error {
		w.line.cut()
		return wait(ctx, 500*time.Millisecond)
	}
	leave := func(ctx context.Context, w *wanWay) error {
		w.player.renew()
		return wait(ctx, 100*time.Millisecond)
	}
	times := 1
	if o.full {
		times = 3
	}
	cases := []wanCase{
		{name: "first-cold", samples: o.samples, before: cold, measure: first},
		{name: "first-10s", samples: 4 * times, pause: 10 * time.Second, before: ask, measure: first},
		{name: "first-60s", samples: 2 * times, pause: time.Minute, before: ask, measure: first},
		{name: "seek", samples: o.samples, measure: (*wanPlayer).seek},
		{name: "page", samples: o.samples, before: leave, measure: page},
		{name: "page-again", samples: o.samples, measure: page},
		{name: "list-10000", samples: max(1, o.samples/2), measure: func(p *wanPlayer, ctx context.Context) (time.Duration, error) {
			return p.whole(ctx, []string{itemsPath(wanItems)})
		}},
		{name: "first-token", samples: o.samples, pause: wanTokenLife + time.Second, token: true, before: ask, measure: first},
		{name: "first-moved", samples: o.samples, before: moved, measure: first},
	}
	if o.full {
		cases = slices.Insert(cases, 3, wanCase{name: "first-10min", samples: times, pause: 10 * time.Minute, before: ask, measure: first})
	}
	return slices.DeleteFunc(cases, func(c wanCase) bool { return o.only != "" && !slices.Contains(strings.Split(o.only, ","), c.name) })
}

func measureWan(ctx context.Context, progress io.Writer, o wanOptions) (r wanReport, err error) {
	r = wanReport{RoundTrip: 2000 * lineDelay.Seconds(), Mbit: lineRate * 8 / 1e6, Stalls: o.stalls, Full: o.full}
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return r, err
	}
	defer func() {
		r.Goals = wanGoals(r.Rows)
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers may run as another user
		return r, err
	}
	binary := o.program
	if binary == "" {
		binary = filepath.Join(dir, "shelfkeeper")
		if err := buildProgram(ctx, binary); err != nil {
			return r, err
		}
	}
	s := wanSetup{dir: filepath.Join(dir, "rig"), binary: binary, stalls: o.stalls, ways: wanWays, upstreams: wanUpstreams}
	rig, err := startWan(ctx, s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, rig.close()) }()
	s.dir, s.ttl, s.ways = filepath.Join(dir, "short"), wanTokenLife, []string{"direct", "shelfkeeper"}
	short, err := startWan(ctx, s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, short.close()) }()

	for _, c := range wanCases(o) {
		at := rig
		if c.token {
			at = short
		}
		rows, err := c.run(ctx, at.each())
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.name, err)
		}
		r.Rows = append(r.Rows, rows...)
		fmt.Fprintln(progress, c.name)
	}
	return r, nil
}

// run measures a case over all ways, sample by sample in turns.
func (c wanCase) run(ctx context.Context, ways []*wanWay) (rows []wanRow, err error) {
	times, bytes := make([]samples, len(ways)), make([]samples, len(ways))
	for _, w := range ways { // what comes first warms up
		if _, err := w.player.firstByte(ctx); err != nil {
			return nil, fmt.Errorf("%s to %s: %w", w.via, w.upstream, err)
		}
	}
	for range c.samples {
		sent := make([]int64, len(ways))
		if c.pause > 0 {
			for i, w := range ways {
				if err := c.before(ctx, w); err != nil {
					return nil, fmt.Errorf("%s to %s: %w", w.via, w.upstream, err)
				}
				sent[i] = w.line.bytes.Load()
			}
			if err := wait(ctx, c.pause); err != nil {
				return nil, err
			}
		}
		for i, w := range ways {
			if c.pause == 0 {
				if c.before != nil {
					err = c.before(ctx, w)
				}
				sent[i] = w.line.bytes.Load()
			}
			var took time.Duration
			if err == nil {
				took, err = c.measure(w.player, ctx)
			}
			if err != nil {
				return nil, fmt.Errorf("%s to %s: %w", w.via, w.upstream, err)
			}
			times[i].add(float64(took) / float64(time.Millisecond))
			bytes[i].add(float64(w.line.bytes.Load() - sent[i]))
		}
	}
	for i, w := range ways {
		rows = append(rows, wanRow{w.via, w.upstream, c.name, times[i].median(), times[i].quantile(0.95), int64(bytes[i].median())})
	}
	return rows, nil
}

// quantile returns the smallest value that this share of the samples does not exceed.
func (s samples) quantile(share float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func (r wanReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "case\tupstream\tvia\tp50 ms\tp95 ms\tkB on the line\t")
	for _, x := range r.Rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.1f\t%.1f\t%.1f\t\n", x.Case, x.Upstream, x.Via, x.P50, x.P95, float64(x.Bytes)/1e3)
	}
	fmt.Fprintln(t)
	if err := t.Flush(); err != nil {
		return err
	}
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "goal\tis\tgoal")
	for _, g := range r.Goals {
		met := "met"
		if !g.Met {
			met = "missed"
		}
		fmt.Fprintf(t, "%s\t%.2f\t%.2f %s\n", g.Name, g.Is, g.Goal, met)
	}
	return t.Flush()
}
