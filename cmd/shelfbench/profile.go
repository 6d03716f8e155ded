//go:build !windows

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	profileTime = 8 * time.Second
	profileTop  = 12
)

// profileProxy writes profiles of a build of its own into dir, and prints what costs
// most of small requests, and of streams that are played.
func profileProxy(ctx context.Context, out io.Writer, dir string) (err error) {
	work, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	flags, err := releaseFlags(ctx)
	if err != nil {
		return err
	}
	for i, flag := range flags {
		if strings.HasPrefix(flag, "-tags=") {
			flags[i] += ",profile"
		}
	}
	binary := filepath.Join(work, "shelfkeeper")
	if err := goBuild(ctx, binary, flags); err != nil {
		return err
	}
	f := newField()
	defer func() { err = errors.Join(err, f.end()) }()
	ready, ca, err := f.startOrigin(ctx, work)
	if err != nil {
		return err
	}
	for i, up := range upstreams {
		at, err := filepath.Abs(filepath.Join(dir, up))
		if err != nil {
			return err
		}
		b := between{dir: work, binary: binary, ca: ca, via: "shelfkeeper", up: up, to: []string{ready.HTTP, ready.HTTPS}[i], profile: at}
		if err := f.startBetween(ctx, b); err != nil {
			return err
		}
		key := [2]string{"shelfkeeper", up}
		p := profiled{dir: at, way: f.at[key], pid: f.pids[key][0]}
		if err := p.requests(ctx, out, up); err != nil {
			return err
		}
		if err := p.files(ctx, out, up); err != nil {
			return err
		}
		for _, n := range []int{pacedStreams, manyStreams} {
			if err := p.streams(ctx, out, up, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// profiled is a running build that writes profiles.
type profiled struct {
	dir string
	way way
	pid int
}

// requests profiles small ones, 32 at once.
func (p profiled) requests(ctx context.Context, out io.Writer, up string) error {
	var rps float64
	into, err := p.during(ctx, "requests", func() (err error) {
		rps, err = p.way.throughput(ctx, throughputConns, profileTime)
		return err
	})
	if err != nil {
		return err
	}
	n := rps * profileTime.Seconds()
	fmt.Fprintf(out, "%s, %.0f small requests, 32 at once\n", up, n)
	cpu := filepath.Join(into, "cpu")
	if err := p.top(ctx, out, "CPU µs a request, with what it calls", 1e6/n, "-cum", "-unit=seconds", cpu); err != nil {
		return err
	}
	base := "-base=" + filepath.Join(into, "before")
	after := filepath.Join(into, "after")
	if err := p.top(ctx, out, "bytes allocated a request", 1/n, "-sample_index=alloc_space", "-unit=bytes", base, after); err != nil {
		return err
	}
	return p.top(ctx, out, "allocations a request", 1/n, "-sample_index=alloc_objects", base, after)
}

// files profiles large files, one after the other.
func (p profiled) files(ctx context.Context, out io.Writer, up string) error {
	n := 0
	into, err := p.during(ctx, "files", func() error {
		for began := time.Now(); time.Since(began) < profileTime/2; n++ {
			if _, err := p.way.download(ctx, filePath, fileSize); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d files of 256 MB, one at a time\n", up, n)
	cpu := filepath.Join(into, "cpu")
	if err := p.top(ctx, out, "CPU ms a file", 1e3/float64(n), "-unit=seconds", cpu); err != nil {
		return err
	}
	return p.top(ctx, out, "CPU ms a file, with what it calls", 1e3/float64(n), "-cum", "-unit=seconds", cpu)
}

// streams profiles what is held while n streams are played.
func (p profiled) streams(ctx context.Context, out io.Writer, up string, n int) error {
	into := filepath.Join(p.dir, fmt.Sprint("streams", n))
	if err := os.MkdirAll(into, 0o700); err != nil {
		return err
	}
	errs, most := make(chan error, 1), 0.0
	go func() {
		var err error
		most, _, err = p.way.paced(ctx, []int{p.pid}, n)
		errs <- err
	}()
	if err := wait(ctx, pacedTime*4/5); err != nil {
		return err
	}
	if err := p.tell(ctx, syscall.SIGUSR2, "after"); err != nil {
		return err
	}
	if err := <-errs; err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(p.dir, "after"), filepath.Join(into, "after")); err != nil {
		return err
	}
	memory, err := os.ReadFile(filepath.Join(p.dir, "after.memory"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d streams: %s, resident %.1f MB at most\n", up, n, memory, most)
	return p.top(ctx, out, "kB held", 1e-3, "-sample_index=inuse_space", "-unit=bytes", filepath.Join(into, "after"))
}

// during runs act between both signals, and returns where the profiles are.
func (p profiled) during(ctx context.Context, name string, act func() error) (string, error) {
	if err := p.tell(ctx, syscall.SIGUSR1, "before"); err != nil {
		return "", err
	}
	if err := act(); err != nil {
		return "", err
	}
	if err := p.tell(ctx, syscall.SIGUSR2, "after"); err != nil {
		return "", err
	}
	into := filepath.Join(p.dir, name)
	if err := os.MkdirAll(into, 0o700); err != nil {
		return "", err
	}
	for _, file := range []string{"before", "after", "cpu"} {
		if err := os.Rename(filepath.Join(p.dir, file), filepath.Join(into, file)); err != nil {
			return "", err
		}
	}
	return into, nil
}

// tell sends a signal and waits for the file that it makes.
func (p profiled) tell(ctx context.Context, s syscall.Signal, file string) error {
	path := filepath.Join(p.dir, file)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := syscall.Kill(p.pid, s); err != nil {
		return err
	}
	for range 500 {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("no profile came at %s", path)
}

var topLine = regexp.MustCompile(`^\s*(-?[0-9.]+)[a-zA-Z]*\s+\S+%\s+\S+%\s+(-?[0-9.]+)[a-zA-Z]*\s+\S+%\s+(\S+)`)

// top prints the most expensive functions of a profile, each figure times scale.
func (p profiled) top(ctx context.Context, out io.Writer, title string, scale float64, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"tool", "pprof", "-top", "-nodecount=60"}, args)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go tool pprof: %w: %s", err, complaint.Bytes())
	}
	cum := slices.Contains(args, "-cum")
	n := 0
	fmt.Fprintf(out, "\n  %s\n", title)
	for line := range strings.Lines(string(text)) {
		m := topLine.FindStringSubmatch(line)
		if m == nil || n == profileTop && !cum {
			continue
		}
		figure := m[1]
		if cum {
			figure = m[2]
		}
		v, err := strconv.ParseFloat(figure, 64)
		if err != nil {
			return err
		}
		n++
		fmt.Fprintf(out, "  %9.1f  %s\n", v*scale, m[3])
	}
	fmt.Fprintln(out)
	return nil
}
