package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	pacedStreams = 64
	manyStreams  = 256
	// pacedRate is eight times what an audio book needs.
	pacedRate = 64 << 10
	pacedTime = 2500 * time.Millisecond
)

// paced reads many streams as players do, and returns the most memory that the
// processes took meanwhile, in MB, and their CPU time in ms a second.
func (w way) paced(ctx context.Context, pids []int, streams int) (memory, cpu float64, err error) {
	if len(pids) == 0 {
		return 0, 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, pacedTime)
	defer cancel()
	before, err := sumOf(pids, cpuTime)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	var g sync.WaitGroup
	errs := make(chan error, streams)
	for range streams {
		g.Go(func() {
			if err := w.listen(ctx); err != nil {
				errs <- err
			}
		})
	}
	most := int64(0)
	for ctx.Err() == nil {
		sum, err := sumOf(pids, rss)
		if err != nil {
			return 0, 0, err
		}
		most = max(most, sum)
		_ = wait(ctx, 50*time.Millisecond) // its end is the loop's
	}
	after, err := sumOf(pids, cpuTime)
	took := time.Since(began)
	g.Wait()
	if err != nil {
		return 0, 0, err
	}
	select {
	case err := <-errs:
		return 0, 0, err
	default:
		return float64(most) / 1e6, float64(after-before) / 1e6 / took.Seconds(), nil
	}
}

func sumOf(pids []int, of func(int) (int64, error)) (sum int64, err error) {
	for _, pid := range pids {
		n, err := of(pid)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// cpuTime returns what a process has used, in ns. The kernel counts hundredths.
func cpuTime(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("the times of process %d are not where they should be", pid)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return (user + system) * int64(10*time.Millisecond), errors.Join(err1, err2)
}

// listen plays one stream at pacedRate until ctx ends.
func (w way) listen(ctx context.Context) error {
	l, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := l.Write(w.request(filePath)); err != nil {
		return err
	}
	piece := make([]byte, pacedRate/8)
	for wait(ctx, time.Second/8) == nil {
		if _, err := io.ReadFull(l.r, piece); err != nil {
			return err
		}
	}
	return nil
}
