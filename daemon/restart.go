package daemon

import (
	"context"

	"shelfkeeper/daemon/problem"
)

// Restart asks Run to return, and whoever called it to make another Daemon, with
// the configuration as it is then. Of Quit, Restart and Replace the first counts.
func (d *Daemon) Restart() {
	d.quitted.Do(func() { d.again.Store(true); close(d.quit) })
}

// Restarting reports whether Run returned, or will, for another Daemon.
func (d *Daemon) Restarting() bool { return d.again.Load() }

// CheckProgram returns an error, a *problem.Problem, where the program that is
// installed could not take this one's place.
func (d *Daemon) CheckProgram(ctx context.Context) error {
	if d.home.Program.Path() == "" {
		return problem.Newf(problem.Other, "quit it with `shelfkeeper quit` and start it again", "this Shelfkeeper does not know its own program")
	}
	if _, err := d.home.Program.Version(ctx); err != nil {
		return problem.New(problem.Other, err, "install Shelfkeeper again; until then the old one goes on")
	}
	return nil
}

// Replace asks Run to return, and whoever called it to run the installed program
// in this one's place.
func (d *Daemon) Replace() {
	d.quitted.Do(func() { d.replaced.Store(true); close(d.quit) })
}

// Replacing reports whether Run returned, or will, for the installed program.
func (d *Daemon) Replacing() bool { return d.replaced.Load() }

func (d *Daemon) whyQuit() string {
	switch {
	case d.Replacing():
		return "Shelfkeeper makes way for the program that is installed"
	case d.Restarting():
		return "Shelfkeeper begins anew: its settings were changed"
	}
	return "Shelfkeeper ends: it was asked to quit"
}
