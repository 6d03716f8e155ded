package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

const (
	// streamsSize is the size of each download.
	streamsSize = 200_000_000
	// streamsAtOnce is how many of them run beside each other: what stalls then
	// costs the others nothing.
	streamsAtOnce = 8
	// streamsTTL makes tokens expire within downloads.
	streamsTTL = 5 * time.Second
	// downloadDeadline bounds one download: eight mishaps of fifteen seconds,
	// and a busy machine.
	downloadDeadline = 10 * time.Minute
)

// streamsReport is what became of the downloads.
type streamsReport struct {
	Seed      uint64  `json:"seed"`
	Downloads int     `json:"downloads"`
	Bytes     int64   `json:"bytes_each"`
	Whole     int     `json:"whole"` // with the right SHA-256, in one answer
	Faults    int     `json:"faults"`
	Resumed   uint64  `json:"resumed"`
	Held      uint64  `json:"held"`
	Refreshes int     `json:"refreshes"`
	Rejected  uint64  `json:"rejected"` // 401 that players got
	Seconds   float64 `json:"seconds"`

	Failures []string `json:"failures"`
}

func newStreams() *cobra.Command {
	var asJSON bool
	var downloads int
	var seed uint64
	c := &cobra.Command{
		Use:   "streams",
		Short: "A hundred downloads of 200 MB through cuts, stalls, refusals, restarts and expiring tokens",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runtime.GOOS == "windows" {
				return errors.New("streams asks the daemon to end by a signal: it does not run on Windows")
			}
			if seed == 0 {
				seed = rand.Uint64()
			}
			r, err := measureStreams(c.Context(), c.ErrOrStderr(), downloads, seed)
			if err != nil {
				return err
			}
			if err := r.print(c.OutOrStdout(), asJSON); err != nil {
				return err
			}
			if r.Whole != r.Downloads {
				return errors.New("not every download was whole")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().IntVar(&downloads, "downloads", 100, "how many")
	c.Flags().Uint64Var(&seed, "seed", 0, "repeats the mishaps of another run")
	return c
}

func measureStreams(ctx context.Context, progress io.Writer, downloads int, seed uint64) (r streamsReport, err error) {
	r = streamsReport{Seed: seed, Downloads: downloads, Bytes: streamsSize, Failures: []string{}}
	fmt.Fprintf(progress, "seed %d\n", seed)
	dir, err := os.MkdirTemp("", "shelfbench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "shelfkeeper")
	if err := buildProgram(ctx, binary); err != nil {
		return r, err
	}
	fake, address, err := serveDouble(absfake.Config{
		Large: streamsSize, LimiterMax: -1, AccessTTL: streamsTTL,
		Users: []absfake.User{{Name: originUser, Password: originPassword, Type: "root"}},
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, fake.Close()) }()
	port, err := freePort()
	if err != nil {
		return r, err
	}
	p := program{binary: binary, dir: dir, listen: port}
	server := &process{}
	server.ready.Server, server.ready.Username, server.ready.Password = address, originUser, originPassword
	if err := p.signIn(ctx, server); err != nil {
		return r, err
	}
	d, _, err := p.run(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, d.end()) }()
	w := way{addr: fmt.Sprintf("127.0.0.1:%d", port), dial: dialer(fmt.Sprintf("127.0.0.1:%d", port))}
	if err := w.answers(ctx, "/api/libraries"); err != nil {
		return r, err
	}

	file := fake.Library().Large().Files[0]
	want := sha256.New()
	if _, err := io.Copy(want, file.Reader()); err != nil {
		return r, err
	}
	path := "/api/items/" + fake.Library().Large().ID + "/file/" + file.Ino
	began := time.Now()
	var mu sync.Mutex
	var g sync.WaitGroup
	turns := make(chan struct{}, streamsAtOnce)
	for i := range downloads {
		turns <- struct{}{}
		g.Go(func() {
			defer func() { <-turns }()
			sum, err := w.sum(ctx, path)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && sum == [32]byte(want.Sum(nil)) {
				r.Whole++
			} else {
				r.Failures = append(r.Failures, fmt.Sprintf("download %d: %v", i, err))
			}
			if (r.Whole+len(r.Failures))%10 == 0 {
				fmt.Fprintf(progress, "%d of %d\n", r.Whole+len(r.Failures), downloads)
			}
		})
		// Whose request meets which of them is chance too.
		chance := rand.New(rand.NewPCG(seed, uint64(i)))
		for _, f := range absfake.Mishaps(chance, path, streamsSize, 1+chance.IntN(6)) {
			f.Skip = chance.IntN(2 * streamsAtOnce)
			defer fake.Inject(f)()
		}
	}
	g.Wait()
	r.Seconds = time.Since(began).Seconds()
	r.Faults = fake.Ledger().Count(func(e absfake.Entry) bool { return len(e.Faults) > 0 })
	return r, r.fromStatus(ctx, p)
}

// fromStatus asks the daemon what it counted.
func (r *streamsReport) fromStatus(ctx context.Context, p program) error {
	cmd := p.command(ctx, "status", "--json")
	out, err := cmd.Output()
	if err != nil && !isOffline(err) {
		return fmt.Errorf("status: %w", err)
	}
	var s health.Snapshot
	if err := json.Unmarshal(out, &s); err != nil || len(s.Accounts) != 1 {
		return fmt.Errorf("status: %w", err)
	}
	a := s.Accounts[0]
	r.Resumed, r.Held, r.Rejected, r.Refreshes = a.Proxy.Resumed, a.Proxy.Held, a.Proxy.Unauthorized, a.Session.Refreshes
	return nil
}

// serveDouble runs the double on a port of its own until it is closed.
func serveDouble(c absfake.Config) (*absfake.Server, string, error) {
	fake, err := absfake.New(c)
	if err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", errors.Join(err, fake.Close())
	}
	go func() { _ = fake.Serve(l) }() // Close waits for it
	return fake, "http://" + l.Addr().String(), nil
}

// answers waits until path is answered.
func (w way) answers(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, loadDeadline)
	defer cancel()
	for {
		_, err := w.repeat(ctx, path, 1)
		if err == nil {
			return nil
		}
		if wait(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

// sum downloads path in one answer and returns its SHA-256.
func (w way) sum(ctx context.Context, path string) (sum [32]byte, err error) {
	c, err := w.dial(ctx)
	if err != nil {
		return sum, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(downloadDeadline)); err != nil {
		return sum, err
	}
	if _, err := c.Write(w.request(path)); err != nil {
		return sum, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return sum, err
	}
	defer resp.Body.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, resp.Body, make([]byte, 256<<10))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s: %s", resp.Status, resp.Header.Get("Shelfkeeper-Reason"))
	}
	if err != nil {
		err = fmt.Errorf("after %d bytes: %w", n, err)
	}
	return [32]byte(h.Sum(nil)), err
}

func (r streamsReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "downloads of %d MB\t%d\n", r.Bytes/1e6, r.Downloads)
	fmt.Fprintf(t, "whole, by SHA-256, in one answer\t%d\n", r.Whole)
	fmt.Fprintf(t, "requests that met a mishap\t%d\n", r.Faults)
	fmt.Fprintf(t, "continued within an answer\t%d times\n", r.Resumed)
	fmt.Fprintf(t, "requests held\t%d\n", r.Held)
	fmt.Fprintf(t, "tokens renewed\t%d times\n", r.Refreshes)
	fmt.Fprintf(t, "401 that a player got\t%d\n", r.Rejected)
	fmt.Fprintf(t, "seed\t%d\n", r.Seed)
	fmt.Fprintf(t, "time\t%.0f s\n", r.Seconds)
	for _, f := range r.Failures {
		fmt.Fprintf(t, "%s\n", f)
	}
	return t.Flush()
}
