package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"shelfkeeper/daemon"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// serve is the whole program around the demonstration server. A setting that is
// changed on the page holds from the next daemon on, as without a demonstration.
func (d *demo) serve(ctx context.Context, e *env, fake *absfake.Server, faults []absfake.Fault, r ready) (err error) {
	dir, err := os.MkdirTemp("", "shelfkeeper-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o := home.Options{
		Version: version, Config: config.Default(), Backend: keychain.Memory, Control: e.control, Log: e.logger(levelOfDemo),
		Paths: config.Paths{Config: filepath.Join(dir, "config.toml"), State: filepath.Join(dir, "state"),
			Runtime: filepath.Join(dir, "run")},
	}
	// Another port than the usual one: a daemon that is no demonstration may want that.
	if o.Config.PagePort, err = anyPort(); err != nil {
		return problem.New(problem.PortTaken, err, "")
	}
	page := o.Config.PagePort
	h, err := home.Open(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	_, err = h.SignIn(ctx, control.SignInRequest{Server: r.Server, Username: r.Username, Password: redact.New(r.Password), Account: "demo",
		Keep: true})
	if err != nil {
		return err
	}
	inject(fake, faults) // the sign-in is no part of what is shown
	for first := true; ; first = false {
		last, again, err := d.serveOnce(ctx, e, h, fake, &r, first)
		if err != nil || !again {
			return errors.Join(err, d.farewell(e, fake, last))
		}
		cfg, trouble, err := config.LoadWith(o.Paths.Config, o.Paths.State)
		if err = errors.Join(err, trouble); err != nil {
			h.Log.Warn("the configuration stays as it was", "reason", err)
			continue
		}
		if cfg.PagePort == config.Default().PagePort {
			cfg.PagePort = page
		}
		o.Config = cfg
		h.Reconfigure(o)
	}
}

// serveOnce runs one daemon, and reports whether there is to be another.
func (d *demo) serveOnce(ctx context.Context, e *env, h *home.Home, fake *absfake.Server, r *ready, first bool) (
	last *health.Snapshot, again bool, err error,
) {
	keeper, err := daemon.New(h, d.listen)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	options := e.pageOptions()
	options.Starts, options.SetStart = nil, nil // a demonstration does not start at login
	keeper.ServePage(options)
	if s := keeper.Snapshot(); first {
		item, stream := r.ItemURL, r.StreamURL
		r.Proxy, r.Control, r.Page = s.Accounts[0].Proxy.URL, keeper.ControlPath(), s.Page.URL
		r.ItemURL, r.StreamURL = r.Proxy+item, r.Proxy+stream
		if _, port, err := net.SplitHostPort(d.listen); err == nil && port == "0" {
			d.listen = strings.TrimPrefix(r.Proxy, "http://")
		}
	}
	if !d.noTray {
		endTray, failed := e.superviseTray(keeper.ControlPath(), h.Config, h.Log)
		if failed != nil {
			return nil, false, failed
		}
		defer func() { err = errors.Join(err, endTray()) }()
	}
	ended := make(chan error, 1)
	running, cancel := context.WithCancel(ctx)
	go func() { ended <- keeper.Run(running) }()
	if first {
		err = d.announce(e, *r, fake)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case <-d.over():
		case <-keeper.Quitting():
		}
	}
	cancel()
	err = errors.Join(err, <-ended)
	shown := keeper.Snapshot()
	return &shown, keeper.Restarting() && ctx.Err() == nil, err
}

// anyPort returns a port that nobody has at this moment.
func anyPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
