package daemon

import (
	"context"
	"io"

	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/statuspage"
)

// ServePage has the daemon serve the status page when it runs. It is called
// before Run.
func (d *Daemon) ServePage(o statuspage.Options) { d.page = statuspage.New(d.pageConfig(o)) }

func (d *Daemon) pageConfig(o statuspage.Options) statuspage.Config {
	return statuspage.Config{Options: o, Daemon: d, Disk: d.home, Book: d.home.Book, Config: d.home.Config, File: d.home.Paths.Config,
		Kept: d.home.Kept, Streams: &d.streams,
		TailLog:  func(out io.Writer, lines int) error { return logbook.Tail(out, d.home.Paths.State, lines) },
		Tomorrow: home.Tomorrow, Bump: d.bump, Log: d.home.Log}
}

// PageLink returns an address that lets a browser into the status page once.
func (d *Daemon) PageLink(_ context.Context, account string) (string, error) {
	if d.page == nil {
		return "", problem.Newf(problem.Config, "start Shelfkeeper without --no-page", "the status page is switched off")
	}
	return d.page.Link(d.home.Shown(account))
}
