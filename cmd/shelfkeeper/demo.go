package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/problem"
)

// demo is one run of the demonstration.
type demo struct {
	release    string
	accessTTL  time.Duration
	rate       string
	faults     string
	listen     string
	noTray     bool
	duration   time.Duration
	serverOnly bool
}

// ready is the line that --json prints once everything answers.
type ready struct {
	Proxy     string `json:"proxy,omitempty"`
	Server    string `json:"server"`
	ItemURL   string `json:"item_url"`
	StreamURL string `json:"stream_url"`
	Control   string `json:"control,omitempty"`
	Page      string `json:"page,omitempty"`
	Username  string `json:"username"`
	Password  string `json:"password"`
}

func newDemo(e *env) *cobra.Command {
	var d demo
	names := make([]string, 0, 8)
	for _, r := range absfake.RotatingReleases() {
		names = append(names, string(r))
	}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show it all with a server of its own: no network, keychain or desktop needed",
		Long: `Starts a demonstration server with a small library made in code, signs in to
it, and serves it to your players. Tokens expire as fast as you like.

Everything is kept in memory and gone at the end. The demonstration server has
no sign-in limit.

Faults are a list, separated by commas:
  cut:4s  cut:1MB       a body ends 4 s or 1,000,000 bytes after its beginning
  lose  lose:login      the answer is lost (of a refresh, if no path is named)
  stall:10s             a request waits 10 s; stall:64KiB:10s stops its body there
  refuse  404  502      no connection, or that status
  html  redirect        a captive portal's page, or its redirect
  internal              an internal error as a 401
  restart:30s           the server restarts
  rate:300k             bytes per second
Each may be followed by
  :PATH                 a path, or refresh, login, logout, status, ping, api,
                        file, track, cover, sync
  :x3                   three times
  :10%                  by chance
  :after                after the server has done its part`,
		Example: "  shelfkeeper demo --access-ttl 3s --rate 300k --faults cut:4s",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if err := d.check(c); err != nil {
				return usage(c, err)
			}
			return d.run(ctx, e)
		},
	}
	f := c.Flags()
	f.StringVar(&d.release, "release", "", "Audiobookshelf `version` to be: "+strings.Join(names, ", "))
	f.DurationVar(&d.accessTTL, "access-ttl", 0, "lifetime of access tokens, a `time` of whole seconds (default the release's own)")
	f.StringVar(&d.rate, "rate", "", "`bytes` per second of the server's bodies, as 300k or 2M")
	f.StringVar(&d.faults, "faults", "", "`list` of faults, as cut:4s,lose:refresh:10%,502:api:x3")
	f.StringVar(&d.listen, "listen", "127.0.0.1:0", "local `address` for players; of the server with --server-only")
	f.BoolVar(&d.noTray, "no-tray", false, "no tray icon")
	f.DurationVar(&d.duration, "for", 0, "end this `time` after everything answers")
	f.BoolVar(&d.serverOnly, "server-only", false, "only the demonstration server, to sign in to")
	return c
}

// check refuses what no demonstration can be.
func (d *demo) check(c *cobra.Command) error {
	flags := c.Flags()
	switch {
	case flags.Changed("for") && d.duration <= 0:
		return fmt.Errorf("--for takes a time above zero such as 30s or 5m, not %q", flags.Lookup("for").Value)
	case flags.Changed("access-ttl") && (d.accessTTL < time.Second || d.accessTTL%time.Second != 0):
		return fmt.Errorf("--access-ttl takes whole seconds such as 3s or 1h, not %q", flags.Lookup("access-ttl").Value)
	case d.release != "" && !slices.Contains(absfake.Releases(), absfake.Release(d.release)):
		return fmt.Errorf("--release takes one of %s, not %q", strings.Join(releases(), ", "), shortened(d.release))
	}
	if _, err := net.ResolveTCPAddr("tcp", d.listen); err != nil {
		return fmt.Errorf("--listen takes an address such as 127.0.0.1:14000, not %q", shortened(d.listen))
	}
	if d.rate != "" {
		if _, err := absfake.ParseFaults("rate:" + d.rate); err != nil || strings.ContainsAny(d.rate, ":,") {
			return fmt.Errorf("--rate takes bytes per second such as 300k or 2M, not %q", shortened(d.rate))
		}
	}
	return nil
}

func (d *demo) run(ctx context.Context, e *env) (err error) {
	faults, err := d.parseFaults()
	if err != nil {
		return problem.New(problem.Usage, fmt.Errorf("--faults: %w", err), "see `shelfkeeper demo --help`")
	}
	user := absfake.User{Name: "demo", Password: strings.ToLower(rand.Text()[:10]), Type: "root"}
	fake, err := absfake.New(absfake.Config{Release: absfake.Release(d.release), AccessTTL: d.accessTTL, LimiterMax: -1,
		Users: []absfake.User{user}, WebClient: true, WebPage: demoPage})
	if err != nil {
		text := strings.TrimPrefix(err.Error(), absfake.ErrConfig.Error()+": ")
		return problem.New(problem.Usage, errors.New(text), "see `shelfkeeper demo --help`")
	}
	serverAddr := "127.0.0.1:0"
	if d.serverOnly {
		serverAddr = d.listen
	}
	listener, err := net.Listen("tcp", serverAddr)
	if err != nil {
		return errors.Join(problem.New(problem.PortTaken, listenTrouble(serverAddr, err), "choose another --listen"), fake.Close())
	}
	served := make(chan error, 1)
	go func() { served <- fake.Serve(listener) }()
	defer func() {
		err = errors.Join(err, fake.Close())
		if end := <-served; !errors.Is(end, absfake.ErrClosed) {
			err = errors.Join(err, end)
		}
	}()
	r := ready{Server: "http://" + reachable(listener.Addr()), Username: user.Name, Password: user.Password}
	book := fake.Library().Tracks()
	r.ItemURL = "/api/items/" + book.ID
	r.StreamURL = r.ItemURL + "/file/" + book.Files[0].Ino
	if d.serverOnly {
		inject(fake, faults)
		r.ItemURL, r.StreamURL = r.Server+r.ItemURL, r.Server+r.StreamURL
		if err := d.announce(e, r, fake); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-d.over():
		}
		return d.farewell(e, fake, nil)
	}
	return d.serve(ctx, e, fake, faults, r)
}

// inject lets go wrong what was asked for.
func inject(fake *absfake.Server, faults []absfake.Fault) {
	for _, f := range faults {
		fake.Inject(f)
	}
}

// over returns when the time that was asked for has passed; nil for no time.
func (d *demo) over() <-chan time.Time {
	if d.duration == 0 {
		return nil
	}
	return time.After(d.duration)
}

func (d *demo) parseFaults() ([]absfake.Fault, error) {
	list := d.faults
	if d.rate != "" {
		list = strings.Join(slices.DeleteFunc([]string{list, "rate:" + d.rate}, func(s string) bool { return s == "" }), ",")
	}
	return absfake.ParseFaults(list)
}

func (d *demo) announce(e *env, r ready, fake *absfake.Server) error {
	if e.json {
		return e.writeJSON(r)
	}
	self := e.selfCalled()
	var out strings.Builder
	fmt.Fprintf(&out, "A demonstration server (Audiobookshelf %s, sign-in limit switched off) runs at %s\n", fake.Release(), r.Server)
	fmt.Fprintf(&out, "  user %s, password %s\n", r.Username, r.Password)
	if d.serverOnly {
		fmt.Fprintf(&out, "Sign in to it with:\n  %s login %s --username %s\n", self, r.Server, r.Username)
	} else {
		fmt.Fprintf(&out, "You are signed in, and players reach it at %s. Listen, for example, with:\n", r.Proxy)
		fmt.Fprintf(&out, "  mpv --no-video %s\n", r.StreamURL)
		fmt.Fprintf(&out, "or look at the library:\n  curl %s/api/libraries\n", r.Proxy)
		fmt.Fprintf(&out, "and at the session:\n  %s\n  %s status --watch --control %s\n", r.Page, self, shellWord(r.Control))
	}
	fmt.Fprintln(&out, "Ctrl-C ends it; nothing is kept.")
	_, err := io.WriteString(e.stdout, out.String())
	return err
}

// reachable is an address that a program can be told, where at is every one of this
// machine.
func reachable(at net.Addr) string {
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return at.String()
}

// listenTrouble says in plain words why an address cannot be listened at.
func listenTrouble(address string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("listen on %s: your user may not open that port: %w", address, fs.ErrPermission)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: another program has that port", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen on %s: this machine has no such address", address)
	}
	return fmt.Errorf("listen on %s: %w", address, err)
}
