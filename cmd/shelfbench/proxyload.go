package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	latencyRequests = 1500
	throughputConns = 32
	throughputTime  = 700 * time.Millisecond
	// loadDeadline bounds each measurement; all of them take seconds.
	loadDeadline = time.Minute
)

// way is an address that leads to the origin, one way or the other.
type way struct {
	addr   string // host:port of what is asked
	dial   func(ctx context.Context) (net.Conn, error)
	bearer string // what the origin wants to see, where nobody else puts it there
}

func (w way) request(path string) []byte {
	auth := ""
	if w.bearer != "" {
		auth = "Authorization: Bearer " + w.bearer + "\r\n"
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n%sAccept: */*\r\n\r\n", path, w.addr, auth)
}

// line is one connection of a client that costs as little as can be.
type line struct {
	net.Conn
	r *bufio.Reader
}

func (w way) open(ctx context.Context) (*line, error) {
	c, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(loadDeadline)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &line{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// get asks and reads the whole answer into buf, again and again, and returns
// how many bytes there were.
func (l *line) get(request, buf []byte) (n int64, err error) {
	if _, err := l.Write(request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	defer resp.Body.Close()
	for {
		m, err := resp.Body.Read(buf)
		n += int64(m)
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, err
		}
	}
	if resp.StatusCode != http.StatusOK || n == 0 || resp.ContentLength >= 0 && n != resp.ContentLength {
		return n, fmt.Errorf("answered %s with %d bytes %s", resp.Status, n, resp.Header.Get("Shelfkeeper-Reason"))
	}
	return n, nil
}

// latencies returns the times of n small requests, sorted.
func (w way) latencies(ctx context.Context, n int) ([]time.Duration, error) {
	l, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	request, buf := w.request(smallPath), make([]byte, 64<<10)
	times := make([]time.Duration, 0, n)
	for i := range n + n/10 {
		began := time.Now()
		if _, err := l.get(request, buf); err != nil {
			return nil, err
		}
		if i >= n/10 { // what comes first warms up
			times = append(times, time.Since(began))
		}
	}
	slices.Sort(times)
	return times, nil
}

// throughput returns how many small requests a second are answered.
func (w way) throughput(ctx context.Context, conns int, d time.Duration) (float64, error) {
	var count atomic.Int64
	var g sync.WaitGroup
	errs := make(chan error, conns)
	ends := time.Now().Add(d)
	began := time.Now()
	for range conns {
		g.Go(func() {
			l, err := w.open(ctx)
			if err != nil {
				errs <- err
				return
			}
			defer l.Close()
			request, buf := w.request(smallPath), make([]byte, 16<<10)
			for time.Now().Before(ends) {
				if _, err := l.get(request, buf); err != nil {
					errs <- err
					return
				}
				count.Add(1)
			}
		})
	}
	g.Wait()
	took := time.Since(began)
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(count.Load()) / took.Seconds(), nil
	}
}

// download returns the MB a second of one body.
func (w way) download(ctx context.Context, path string, size int64) (float64, error) {
	l, err := w.open(ctx)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	began := time.Now()
	n, err := l.get(w.request(path), make([]byte, 256<<10))
	if err != nil {
		return 0, err
	}
	if size > 0 && n != size {
		return 0, fmt.Errorf("%d of %d bytes", n, size)
	}
	return float64(n) / 1e6 / time.Since(began).Seconds(), nil
}

// measureValid returns how many MB a second encoding/json.Valid looks through.
func measureValid() float64 {
	body := largeBody()
	began := time.Now()
	if !json.Valid(body) {
		panic("the large body is not valid JSON") // it is made here
	}
	return float64(len(body)) / 1e6 / time.Since(began).Seconds()
}

// measureFlat tells whether a request costs more when many came before it, and
// what each item of a list costs.
func measureFlat(ctx context.Context, f *field) ([]flatness, error) {
	direct, ours := f.at[[2]string{"direct", "http"}], f.at[[2]string{"shelfkeeper", "http"}]
	var out []flatness
	l, err := ours.open(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	base, err := direct.latencies(ctx, latencyRequests)
	if err != nil {
		return nil, err
	}
	request, buf := ours.request(smallPath), make([]byte, 64<<10)
	done := 0
	for _, n := range []int{10, 100, 1000, 10_000} {
		var times []time.Duration
		for ; done < n; done++ {
			if _, err := l.get(request, buf); err != nil {
				return nil, err
			}
		}
		for range 500 {
			began := time.Now()
			if _, err := l.get(request, buf); err != nil {
				return nil, err
			}
			times = append(times, time.Since(began))
			done++
		}
		slices.Sort(times)
		out = append(out, flatness{Requests: n, AddedUS: micros(times[len(times)/2] - base[len(base)/2])})
	}
	for _, n := range []int{10, 100, 1000, 10_000} {
		path := itemsPath(n)
		a, err := direct.repeat(ctx, path, max(5, 2000/n))
		if err != nil {
			return nil, err
		}
		b, err := ours.repeat(ctx, path, max(5, 2000/n))
		if err != nil {
			return nil, err
		}
		out = append(out, flatness{Items: n, AddedUS: micros(b - a), PerItem: micros(b-a) / float64(n)})
	}
	return out, nil
}

// repeat returns the median time of n requests for path.
func (w way) repeat(ctx context.Context, path string, n int) (time.Duration, error) {
	l, err := w.open(ctx)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	request, buf := w.request(path), make([]byte, 256<<10)
	var times []time.Duration
	for range n {
		began := time.Now()
		if _, err := l.get(request, buf); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[n/2], nil
}
