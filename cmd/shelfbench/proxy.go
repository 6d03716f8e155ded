package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// The ways to the origin, and what it is spoken to by.
var (
	ways      = []string{"direct", "nginx", "caddy", "reverseproxy", "shelfkeeper"}
	upstreams = []string{"http", "https"}
)

// proxyRow is what one way costs: the medians of all rounds.
type proxyRow struct {
	Via      string  `json:"via"`
	Upstream string  `json:"upstream"`
	P50      float64 `json:"p50_us"`      // of one small request after the other
	P99      float64 `json:"p99_us"`      // of the same
	RPS32    float64 `json:"rps32"`       // small requests a second, on 32 connections
	Stream   float64 `json:"stream_mb_s"` // one large file
	RSS64    float64 `json:"rss64_mb"`    // with 64 paced streams; 0: no process of its own
	RSS256   float64 `json:"rss256_mb"`   // with 256
	CPU64    float64 `json:"cpu64_ms_s"`  // CPU time a second with 64 paced streams
	JSON     float64 `json:"json_mb_s"`   // one large JSON body
	// Spread is half the distance between the smallest and the largest round,
	// in percent of the median, of each of the above.
	Spread map[string]float64 `json:"spread_percent"`
}

// flatness is what a request costs beyond the direct way.
type flatness struct {
	Requests int     `json:"requests,omitempty"` // that had come before
	Items    int     `json:"items,omitempty"`    // in the list that it asks for
	AddedUS  float64 `json:"added_us"`
	PerItem  float64 `json:"added_us_per_item,omitempty"`
}

type proxyReport struct {
	Rounds    int        `json:"rounds"`
	JSONValid float64    `json:"jsonvalid_mb_s"` // encoding/json.Valid on the same large body
	Rows      []proxyRow `json:"rows"`
	Flat      []flatness `json:"flat"`
	Goals     []goal     `json:"goals"`
}

type goal struct {
	Name string  `json:"name"`
	Is   float64 `json:"is"`
	Goal float64 `json:"goal"`
	Met  bool    `json:"met"`
}

func newProxy() *cobra.Command {
	var asJSON bool
	var rounds int
	var profile string
	c := &cobra.Command{
		Use:   "proxy",
		Short: "Latency, throughput and memory beside nginx, Caddy and httputil.ReverseProxy",
		Long: `Measures the same requests straight to one origin and through nginx, Caddy, a
plain httputil.ReverseProxy and Shelfkeeper, each a process of its own, in
interleaved rounds. Needs nginx and caddy in the PATH (Debian: nginx, caddy).

What Shelfkeeper is measured with, it filters: every JSON body is searched for
tokens, which the others pass as they are.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runtime.GOOS != "linux" {
				return errors.New("proxy reads /proc: it runs on Linux only")
			}
			if profile != "" {
				return profileProxy(c.Context(), c.OutOrStdout(), profile)
			}
			r, err := measureProxy(c.Context(), c.ErrOrStderr(), rounds)
			if err != nil {
				return err
			}
			return r.print(c.OutOrStdout(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().IntVar(&rounds, "rounds", 5, "rounds to take the medians of")
	c.Flags().StringVar(&profile, "profile", "", "write profiles into this folder instead, and print what costs most")
	return c
}

func measureProxy(ctx context.Context, progress io.Writer, rounds int) (r proxyReport, err error) {
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// nginx's workers run as another user where we are root.
	if err := os.Chmod(dir, 0o755); err != nil {
		return r, err
	}
	f, err := startField(ctx, dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.end()) }()

	r.Rounds = rounds
	valid := samples{}
	all := make(map[[2]string]*roundsOf)
	for i := range rounds {
		valid.add(measureValid())
		for _, up := range upstreams {
			for _, via := range ways {
				key := [2]string{via, up}
				if all[key] == nil {
					all[key] = &roundsOf{}
				}
				if err := all[key].measure(ctx, f.at[key], f.pids[key]); err != nil {
					return r, fmt.Errorf("%s to %s: %w", via, up, err)
				}
			}
		}
		fmt.Fprintf(progress, "round %d of %d\n", i+1, rounds)
	}
	r.JSONValid = valid.median()
	for _, up := range upstreams {
		for _, via := range ways {
			r.Rows = append(r.Rows, all[[2]string{via, up}].row(via, up))
		}
	}
	if r.Flat, err = measureFlat(ctx, f); err != nil {
		return r, err
	}
	r.Goals = r.judge(all)
	return r, nil
}

// roundsOf are the samples of one way.
type roundsOf struct{ p50, p99, rps, stream, rss, many, cpu, json samples }

// measure adds one round.
func (m *roundsOf) measure(ctx context.Context, w way, pids []int) error {
	times, err := w.latencies(ctx, latencyRequests)
	if err != nil {
		return err
	}
	m.p50.add(micros(times[len(times)/2]))
	m.p99.add(micros(times[len(times)*99/100]))
	rps, err := w.throughput(ctx, throughputConns, throughputTime)
	if err != nil {
		return err
	}
	m.rps.add(rps)
	stream, err := w.download(ctx, filePath, fileSize)
	if err != nil {
		return err
	}
	m.stream.add(stream)
	body, err := w.download(ctx, largePath, 0)
	if err != nil {
		return err
	}
	m.json.add(body)
	memory, cpu, err := w.paced(ctx, pids, pacedStreams)
	if err != nil {
		return err
	}
	m.rss.add(memory)
	m.cpu.add(cpu)
	memory, _, err = w.paced(ctx, pids, manyStreams)
	m.many.add(memory)
	return err
}

func (m *roundsOf) row(via, up string) proxyRow {
	return proxyRow{
		Via: via, Upstream: up,
		P50: m.p50.median(), P99: m.p99.median(), RPS32: m.rps.median(), Stream: m.stream.median(), RSS64: m.rss.median(), JSON: m.json.median(),
		RSS256: m.many.median(), CPU64: m.cpu.median(),
		Spread: map[string]float64{
			"p50_us": m.p50.spread(), "p99_us": m.p99.spread(), "rps32": m.rps.spread(),
			"stream_mb_s": m.stream.spread(), "rss64_mb": m.rss.spread(), "json_mb_s": m.json.spread(),
			"rss256_mb": m.many.spread(), "cpu64_ms_s": m.cpu.spread(),
		},
	}
}

// judge compares with the goals, each for the worse of both upstreams. Ratios
// are medians of the rounds' own ratios, whose halves ran side by side.
func (r *proxyReport) judge(all map[[2]string]*roundsOf) []goal {
	var out []goal
	atMost := func(name string, is, most float64) { out = append(out, goal{name, is, most, is <= most}) }
	atLeast := func(name string, is, least float64) { out = append(out, goal{name, is, least, is >= least}) }
	for _, up := range upstreams {
		of := func(via string) *roundsOf { return all[[2]string{via, up}] }
		direct, caddy, nginx, ours := of("direct"), of("caddy"), of("nginx"), of("shelfkeeper")
		atMost(up+": p50 added, of Caddy's", ratio(minus(ours.p50, direct.p50), minus(caddy.p50, direct.p50)).median(), 0.9)
		atLeast(up+": requests/s, 32 at once, of Caddy's", ratio(ours.rps, caddy.rps).median(), 1)
		atLeast(up+": stream, of nginx's", ratio(ours.stream, nginx.stream).median(), 1.3)
		atLeast(up+": JSON, of Caddy's", ratio(ours.json, caddy.json).median(), 0.7)
		atMost(up+": MB with 64 streams", ours.rss.median(), 28)
		atMost(up+": MB with 256 streams", ours.many.median(), 60)
		atMost(up+": CPU for 64 streams, of nginx's", ratio(ours.cpu, nginx.cpu).median(), 1.2)
		atLeast(up+": filter, of json.Valid", ours.json.median()/r.JSONValid, 1)
	}
	return out
}

func (r proxyReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "via\tupstream\tp50 µs\tp99 µs\trequests/s\tstream MB/s\tMB at 64\tMB at 256\tCPU ms/s\tJSON MB/s\t")
	for _, x := range r.Rows {
		fmt.Fprintf(t, "%s\t%s\t%.0f ±%.0f%%\t%.0f\t%.0f ±%.0f%%\t%.0f ±%.0f%%\t%.1f\t%.1f\t%.0f\t%.0f ±%.0f%%\t\n", x.Via, x.Upstream,
			x.P50, x.Spread["p50_us"], x.P99, x.RPS32, x.Spread["rps32"], x.Stream, x.Spread["stream_mb_s"],
			x.RSS64, x.RSS256, x.CPU64, x.JSON, x.Spread["json_mb_s"])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "encoding/json.Valid on the same body: %.0f MB/s\n\n", r.JSONValid)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what Shelfkeeper adds to a request\tµs\tµs an item")
	for _, x := range r.Flat {
		if x.Items > 0 {
			fmt.Fprintf(t, "for a list of %d items\t%.0f\t%.2f\n", x.Items, x.AddedUS, x.PerItem)
		} else {
			fmt.Fprintf(t, "after %d requests\t%.0f\t\n", x.Requests, x.AddedUS)
		}
	}
	fmt.Fprintln(t, "\ngoal\tis\tgoal")
	for _, g := range r.Goals {
		met := "met"
		if !g.Met {
			met = "missed"
		}
		fmt.Fprintf(t, "%s\t%.2f\t%.2f %s\n", g.Name, g.Is, g.Goal, met)
	}
	return t.Flush()
}

// samples are the values of one figure, one a round.
type samples []float64

func (s *samples) add(v float64) { *s = append(*s, v) }

func (s samples) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func (s samples) spread() float64 {
	if m := s.median(); m > 0 {
		return 100 * (slices.Max(s) - slices.Min(s)) / 2 / m
	}
	return 0
}

func ratio(a, b samples) (out samples) {
	for i := range a {
		out.add(a[i] / b[i])
	}
	return out
}

func minus(a, b samples) (out samples) {
	for i := range a {
		out.add(a[i] - b[i])
	}
	return out
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
