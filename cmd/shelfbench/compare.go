package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// build is one of the programs that are compared.
type build struct {
	Program  string `json:"program"`
	Upstream string `json:"upstream"`
	// CPUOne and CPU32 are µs of CPU time a small request, one after the other and 32 at once.
	CPUOne  float64 `json:"cpu_us_one"`
	CPU32   float64 `json:"cpu_us_32"`
	P50     float64 `json:"p50_us"`
	RPS32   float64 `json:"rps32"`
	CPUJSON float64 `json:"cpu_json_ms"` // for the large JSON body
	RSS64   float64 `json:"rss64_mb"`
	RSS256  float64 `json:"rss256_mb"`
	CPU64   float64 `json:"cpu64_ms_s"` // CPU time a second with 64 paced streams
}

func newCompare() *cobra.Command {
	var asJSON, streams bool
	var rounds int
	c := &cobra.Command{
		Use:   "compare PROGRAM...",
		Short: "What a request and a stream cost in several builds of the program",
		Long: `Measures builds of the program before the same origin, in interleaved rounds, and
prints medians. CPU time a request says more than wall time where a machine has other
work; compare the builds of one run only.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, programs []string) error {
			if runtime.GOOS != "linux" {
				return errors.New("compare reads /proc: it runs on Linux only")
			}
			if streams {
				r, err := compareStreams(c.Context(), c.ErrOrStderr(), programs, rounds)
				if err != nil {
					return err
				}
				return printStreams(c.OutOrStdout(), r, asJSON)
			}
			r, err := compareBuilds(c.Context(), c.ErrOrStderr(), programs, rounds)
			if err != nil {
				return err
			}
			return printBuilds(c.OutOrStdout(), r, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON list")
	c.Flags().BoolVar(&streams, "streams", false, "measure one large file at a time instead")
	c.Flags().IntVar(&rounds, "rounds", 5, "rounds to take the medians of")
	return c
}

// candidate is one program before one origin.
type candidate struct {
	program, up string
	way         way
	pids        []int

	cpuOne, cpu32, p50, rps, cpuJSON, rss64, rss256, cpu64 samples
}

func compareBuilds(ctx context.Context, progress io.Writer, programs []string, rounds int) (out []build, err error) {
	err = beforeOrigin(ctx, func(p prepared) error {
		all, err := p.candidates(ctx, programs)
		if err != nil {
			return err
		}
		for i := range rounds {
			for _, c := range all {
				if err := c.measure(ctx); err != nil {
					return fmt.Errorf("%s to %s: %w", c.program, c.up, err)
				}
			}
			fmt.Fprintf(progress, "round %d of %d\n", i+1, rounds)
		}
		for _, c := range all {
			out = append(out, build{
				Program: c.program, Upstream: c.up, CPUOne: c.cpuOne.median(), CPU32: c.cpu32.median(), P50: c.p50.median(),
				RPS32: c.rps.median(), CPUJSON: c.cpuJSON.median(), RSS64: c.rss64.median(), RSS256: c.rss256.median(), CPU64: c.cpu64.median(),
			})
		}
		return nil
	})
	return out, err
}

// candidates starts each program once before http and once before https.
func (p prepared) candidates(ctx context.Context, programs []string) (all []*candidate, err error) {
	for i, up := range upstreams {
		for n, program := range programs {
			home := filepath.Join(p.dir, strconv.Itoa(n))
			to := []string{p.origin.HTTP, p.origin.HTTPS}[i]
			b := between{dir: home, binary: program, ca: p.ca, via: "shelfkeeper", up: up, to: to}
			if err := p.startBetween(ctx, b); err != nil {
				return nil, fmt.Errorf("start %s: %w", program, err)
			}
			key := [2]string{b.via, up}
			all = append(all, &candidate{program: program, up: up, way: p.at[key], pids: p.pids[key]})
		}
	}
	return all, nil
}

// measure adds one round.
func (c *candidate) measure(ctx context.Context) error {
	spent := func(act func() error) (float64, error) {
		before, err := sumOf(c.pids, cpuTime)
		if err != nil {
			return 0, err
		}
		if err := act(); err != nil {
			return 0, err
		}
		after, err := sumOf(c.pids, cpuTime)
		return float64(after-before) / 1e3, err
	}
	const requests = 4000 // the kernel counts hundredths of a second
	us, err := spent(func() error {
		times, err := c.way.latencies(ctx, requests)
		if err == nil {
			c.p50.add(micros(times[len(times)/2]))
		}
		return err
	})
	if err != nil {
		return err
	}
	c.cpuOne.add(us / (requests + requests/10))
	us, err = spent(func() error {
		rps, err := c.way.throughput(ctx, throughputConns, 2*throughputTime)
		c.rps.add(rps)
		return err
	})
	if err != nil {
		return err
	}
	c.cpu32.add(us / (c.rps[len(c.rps)-1] * (2 * throughputTime).Seconds()))
	const bodies = 4
	us, err = spent(func() error {
		for range bodies {
			if _, err := c.way.download(ctx, largePath, 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.cpuJSON.add(us / bodies / 1e3)
	memory, cpu, err := c.way.paced(ctx, c.pids, pacedStreams)
	if err != nil {
		return err
	}
	c.cpu64.add(cpu)
	c.rss64.add(memory)
	memory, _, err = c.way.paced(ctx, c.pids, manyStreams)
	c.rss256.add(memory)
	return err
}

func printBuilds(w io.Writer, all []build, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "program\tupstream\tCPU µs, one\tCPU µs, 32\tp50 µs\trequests/s\tCPU ms, JSON\tMB at 64\tMB at 256\tCPU ms/s at 64\t")
	for _, b := range all {
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.0f\t\n", filepath.Base(b.Program), b.Upstream,
			b.CPUOne, b.CPU32, b.P50, b.RPS32, b.CPUJSON, b.RSS64, b.RSS256, b.CPU64)
	}
	return t.Flush()
}
