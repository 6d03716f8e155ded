package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	manyAccounts, manyGrants = 50, 1000
	// vastItems are more than any library has.
	vastItems = 100_000
	// growthWindow is for how many requests CPU time is added up.
	growthWindow = 1000
)

// growth measures one program before one origin.
type growth struct {
	dir, binary, origin string
	progress            io.Writer
}

func (g growth) home(ctx context.Context, name string, accounts, grants int) (growthHome, error) {
	return newGrowthHome(ctx, program{binary: g.binary, dir: filepath.Join(g.dir, name)}, g.origin, accounts, grants)
}

// requests measures CPU time a request.
func (g growth) requests(ctx context.Context, r *growthReport) error {
	h, err := g.home(ctx, "requests", 1, 1)
	if err != nil {
		return err
	}
	least := make(map[growthRow]float64) // by what is measured
	take := func(of string, n int, cpu float64) {
		at := growthRow{Of: of, N: n}
		if before, ok := least[at]; !ok || cpu < before {
			least[at] = cpu
		}
	}
	measure := func(of string, n int, act func(l *line, pid int) (float64, error)) error {
		for range r.Rounds {
			if err := h.whileRunning(ctx, func(l *line, pid int) error {
				cpu, err := act(l, pid)
				if err == nil {
					take(of, n, cpu)
				}
				return err
			}); err != nil {
				return fmt.Errorf("%s, %d: %w", of, n, err)
			}
		}
		fmt.Fprintf(g.progress, "%s: %d\n", of, n)
		return nil
	}
	// Each size has daemons of its own and as many requests to measure, since what they
	// leave for the garbage collector is paid for only after a while.
	for _, n := range growthSizes {
		if err := measure("requests", n, func(l *line, pid int) (float64, error) {
			if _, err := h.cpu(l, pid, smallPath, n); err != nil {
				return 0, err
			}
			return h.cpu(l, pid, smallPath, growthWindow)
		}); err != nil {
			return err
		}
	}
	for _, n := range growthSizes {
		if err := measure("items", n, func(l *line, pid int) (float64, error) {
			if _, err := h.cpu(l, pid, itemsPath(n), 2); err != nil {
				return 0, err
			}
			return h.cpu(l, pid, itemsPath(n), max(10, 20_000/n))
		}); err != nil {
			return err
		}
	}
	for _, n := range growthSizes {
		if err := h.grants(n); err != nil {
			return err
		}
		if err := measure("grants", n, func(l *line, pid int) (float64, error) {
			if _, err := h.cpu(l, pid, smallPath, growthWindow); err != nil {
				return 0, err
			}
			return h.cpu(l, pid, smallPath, growthWindow)
		}); err != nil {
			return err
		}
	}
	for _, of := range []string{"requests", "items", "grants"} {
		for _, n := range growthSizes {
			row := growthRow{Of: of, N: n}
			cpu := least[row]
			if row.CPU = cpu; of == "items" {
				row.PerItem = cpu / float64(n)
			}
			r.Rows = append(r.Rows, row)
		}
	}
	return nil
}

// whileRunning acts while the daemon runs, over one connection.
func (g growthHome) whileRunning(ctx context.Context, act func(l *line, pid int) error) (err error) {
	d, err := g.startUp(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.end()) }()
	l, err := g.way().open(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	return act(l, d.cmd.Process.Pid)
}

// cpu makes n requests and returns the µs that the process used for each.
func (g growthHome) cpu(l *line, pid int, path string, n int) (float64, error) {
	if n <= 0 {
		return 0, nil
	}
	request, buf := g.way().request(path), make([]byte, 256<<10)
	before, err := cpuOf(pid)
	if err != nil {
		return 0, err
	}
	for range n {
		if err := l.SetDeadline(time.Now().Add(loadDeadline)); err != nil {
			return 0, err
		}
		if _, err := l.get(request, buf); err != nil {
			return 0, err
		}
	}
	after, err := cpuOf(pid)
	return micros(after-before) / float64(n), err
}

// memory measures the peak while lists pass the filter.
func (g growth) memory(ctx context.Context, r *growthReport) error {
	h, err := g.home(ctx, "memory", 1, 1)
	if err != nil {
		return err
	}
	for _, x := range []struct {
		of *float64
		n  int
	}{{&r.PeakFew, 1000}, {&r.PeakMany, vastItems}} {
		err := h.whileRunning(ctx, func(_ *line, pid int) error {
			if err := wait(ctx, startOver); err != nil {
				return err
			}
			l, err := h.way().open(ctx)
			if err != nil {
				return err
			}
			defer l.Close()
			if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil { // the peak begins anew
				return err
			}
			if _, err := h.cpu(l, pid, itemsPath(x.n), 2*vastItems/x.n); err != nil {
				return err
			}
			peak, err := statusField(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
			*x.of = float64(peak) * 1024 / 1e6
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(g.progress, "lists of %d items\n", x.n)
	}
	return nil
}

// starts measures start-ups.
func (g growth) starts(ctx context.Context, r *growthReport) error {
	one, err := g.home(ctx, "one", 1, 1)
	if err != nil {
		return err
	}
	many, err := g.home(ctx, "many", manyAccounts, manyGrants)
	if err != nil {
		return err
	}
	var ofOne, ofMany samples
	for range r.Starts {
		for _, x := range []struct {
			home growthHome
			to   *samples
		}{{one, &ofOne}, {many, &ofMany}} {
			d, took, err := x.home.runUntil(ctx, x.home.ports...)
			if err != nil {
				return err
			}
			x.to.add(took.Seconds() * 1000)
			if err := d.end(); err != nil {
				return err
			}
		}
	}
	r.Start, r.StartLeast, r.StartOne = ofMany.median(), slices.Min(ofMany), ofOne.median()
	return nil
}

// accounts measures the memory of idle daemons, side by side.
func (g growth) accounts(ctx context.Context, r *growthReport) (err error) {
	ten, err := g.home(ctx, "ten", 10, 10)
	if err != nil {
		return err
	}
	one, err := g.home(ctx, "alone", 1, 1)
	if err != nil {
		return err
	}
	return ten.whileRunning(ctx, func(_ *line, pidTen int) error {
		return one.whileRunning(ctx, func(_ *line, pidOne int) error {
			if err := wait(ctx, startOver); err != nil {
				return err
			}
			ofTen, err1 := rss(pidTen)
			ofOne, err2 := rss(pidOne)
			r.RSSTen, r.RSSOne = float64(ofTen)/1e6, float64(ofOne)/1e6
			return errors.Join(err1, err2)
		})
	})
}
