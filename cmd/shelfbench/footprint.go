package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// startOver is when what a start sets in motion has ended, and its memory is given back.
const startOver = 20 * time.Second

// footprint is what an idle daemon costs.
type footprint struct {
	BinaryBytes   int64   `json:"binary_bytes"`
	RSSBytes      int64   `json:"rss_bytes"`
	WakeupsPerSec float64 `json:"wakeups_per_s"` // context switches of all threads
	ListeningMS   float64 `json:"exec_to_listening_ms"`
	Starts        int     `json:"starts"`
	IdleSeconds   float64 `json:"idle_seconds"`

	Parts []part `json:"parts,omitempty"` // of the binary
}

func newFootprint() *cobra.Command {
	var asJSON bool
	var parts bool
	var starts int
	var idle time.Duration
	c := &cobra.Command{
		Use:   "footprint",
		Short: "Size, start-up time, memory and wakeups of an idle daemon with one account",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runtime.GOOS != "linux" {
				return errors.New("footprint reads /proc: it runs on Linux only")
			}
			f, err := measureFootprint(c.Context(), parts, starts, idle)
			if err != nil {
				return err
			}
			return f.print(c.OutOrStdout(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().BoolVar(&parts, "parts", false, "tell only what the parts of the binary take")
	c.Flags().IntVar(&starts, "starts", 11, "start-ups to take the median of")
	c.Flags().DurationVar(&idle, "idle", 30*time.Second, "how long to watch the idle daemon")
	return c
}

// measureFootprint builds the program as it is released and watches it.
func measureFootprint(ctx context.Context, parts bool, starts int, idle time.Duration) (f footprint, err error) {
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "shelfkeeper")
	if err := buildProgram(ctx, binary); err != nil {
		return f, err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return f, err
	}
	f.BinaryBytes, f.Starts, f.IdleSeconds = info.Size(), starts, idle.Seconds()
	if parts {
		f.Parts, err = measureParts(ctx, dir, f.BinaryBytes)
		return f, err
	}

	p := program{binary: binary, dir: dir}
	server, err := p.demoServer(ctx)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	if err := p.signIn(ctx, server); err != nil {
		return f, err
	}
	var times []float64
	for range starts {
		d, took, err := p.run(ctx)
		if err != nil {
			return f, err
		}
		times = append(times, took.Seconds()*1000)
		if err := d.end(); err != nil {
			return f, err
		}
	}
	slices.Sort(times)
	f.ListeningMS = times[len(times)/2]

	d, _, err := p.run(ctx)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, d.end()) }()
	if err := wait(ctx, startOver); err != nil {
		return f, err
	}
	before, err := switches(d.cmd.Process.Pid)
	if err != nil {
		return f, err
	}
	began := time.Now()
	if err := wait(ctx, idle); err != nil {
		return f, err
	}
	after, err := switches(d.cmd.Process.Pid)
	if err != nil {
		return f, err
	}
	f.WakeupsPerSec = float64(after-before) / time.Since(began).Seconds()
	f.RSSBytes, err = rss(d.cmd.Process.Pid)
	return f, err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rss returns the resident memory of a process.
func rss(pid int) (int64, error) {
	kb, err := statusField(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
	return kb * 1024, err
}

// switches returns how often all threads of a process have been scheduled.
func switches(pid int) (n int64, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return 0, err
	}
	for _, path := range tasks {
		for _, field := range []string{"voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"} {
			v, err := statusField(path, field)
			if errors.Is(err, os.ErrNotExist) {
				continue // a thread that has just ended
			}
			if err != nil {
				return 0, err
			}
			n += v
		}
	}
	return n, nil
}

func statusField(path, field string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == field {
			return strconv.ParseInt(words[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, field)
}

func (f footprint) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(f)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if f.Parts != nil {
		for _, p := range f.Parts {
			fmt.Fprintf(t, "%s\t%.2f MB\n", p.Name, float64(p.Bytes)/1e6)
		}
		return t.Flush()
	}
	fmt.Fprintf(t, "figure\tmeasured\tgoal\n")
	fmt.Fprintf(t, "stripped binary\t%.1f MB\tat most 18 MB\n", float64(f.BinaryBytes)/1e6)
	fmt.Fprintf(t, "exec to listening, median of %d\t%.1f ms\tat most 10 ms\n", f.Starts, f.ListeningMS)
	fmt.Fprintf(t, "resident memory, idle\t%.1f MB\tat most 18 MB\n", float64(f.RSSBytes)/1e6)
	fmt.Fprintf(t, "wakeups, idle for %.0f s\t%.2f /s\tat most 0.3 /s\n", f.IdleSeconds, f.WakeupsPerSec)
	return t.Flush()
}
