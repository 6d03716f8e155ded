package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
)

// fast is what one large file costs by one way.
type fast struct {
	Program  string  `json:"program"`
	Upstream string  `json:"upstream"`
	Rate     float64 `json:"stream_mb_s"`
	// CPU time of 256 MB, in ms: of what is between, of the origin, and of the client.
	CPU       float64 `json:"cpu_ms"`
	CPUOrigin float64 `json:"cpu_origin_ms"`
	CPUClient float64 `json:"cpu_client_ms"`
}

// stretch is one way, and what it took.
type stretch struct {
	name, up                  string
	way                       way
	pids                      []int
	rate, cpu, origin, client samples
}

// filesEach is how many files are fetched one after the other in a round: the kernel counts
// hundredths of a second.
const filesEach = 3

// compareStreams measures one file at a time by several ways: builds, or names of ways.
func compareStreams(ctx context.Context, progress io.Writer, programs []string, rounds int) (_ []fast, err error) {
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // for nginx's workers
		return nil, err
	}
	f := &field{at: make(map[[2]string]way), pids: make(map[[2]string][]int)}
	defer func() { err = errors.Join(err, f.end()) }()
	ready, ca, err := f.startOrigin(ctx, dir)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var all []*stretch
	for i, up := range upstreams {
		to := []string{ready.HTTP, ready.HTTPS}[i]
		for n, program := range programs {
			s := &stretch{name: filepath.Base(program), up: up}
			if program == ways[0] {
				s.way, err = directWay(to, ca)
			} else {
				b := between{dir: filepath.Join(dir, strconv.Itoa(n)), self: self, binary: program, ca: ca, via: "shelfkeeper", up: up, to: to}
				if slices.Contains(ways[1:4], program) {
					b.via = program
				}
				err = f.startBetween(ctx, b)
				s.way, s.pids = f.at[[2]string{b.via, up}], f.pids[[2]string{b.via, up}]
			}
			if err != nil {
				return nil, fmt.Errorf("start %s: %w", program, err)
			}
			all = append(all, s)
		}
	}
	for i := range rounds {
		for _, s := range all {
			if err := s.measure(ctx, f.own[0].Process.Pid); err != nil {
				return nil, fmt.Errorf("%s to %s: %w", s.name, s.up, err)
			}
		}
		fmt.Fprintf(progress, "round %d of %d\n", i+1, rounds)
	}
	var out []fast
	for _, s := range all {
		out = append(out, fast{Program: s.name, Upstream: s.up, Rate: s.rate.median(), CPU: s.cpu.median(),
			CPUOrigin: s.origin.median(), CPUClient: s.client.median()})
	}
	return out, nil
}

// measure adds one round.
func (s *stretch) measure(ctx context.Context, origin int) error {
	spent := func() (all [3]int64, err error) {
		for i, pids := range [][]int{s.pids, {origin}, {os.Getpid()}} {
			if all[i], err = sumOf(pids, cpuTime); err != nil {
				return all, err
			}
		}
		return all, nil
	}
	before, err := spent()
	if err != nil {
		return err
	}
	for range filesEach {
		rate, err := s.way.download(ctx, filePath, fileSize)
		if err != nil {
			return err
		}
		s.rate.add(rate)
	}
	after, err := spent()
	for i, to := range []*samples{&s.cpu, &s.origin, &s.client} {
		to.add(float64(after[i]-before[i]) / 1e6 / filesEach)
	}
	return err
}

func printStreams(w io.Writer, all []fast, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "program\tupstream\tstream MB/s\tCPU ms of 256 MB\torigin's\tclient's\t")
	for _, f := range all {
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t\n", f.Program, f.Upstream, f.Rate, f.CPU, f.CPUOrigin, f.CPUClient)
	}
	return t.Flush()
}
