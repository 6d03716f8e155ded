//go:build !darwin && !windows

package autostart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/problem"
)

// lingerDir is where logind keeps who may run units without a login.
const lingerDir = "/var/lib/systemd/linger"

// files are the places of what this package writes.
type files struct{ base string }

// userFiles returns the places below the user's configuration.
func userFiles() (files, error) {
	base := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) { // as the specification wants it
		home, err := os.UserHomeDir()
		if err != nil {
			return files{}, err
		}
		base = filepath.Join(home, ".config")
	}
	return files{base}, nil
}

func (f files) unit() string  { return filepath.Join(f.base, "systemd", "user", unitName) }
func (f files) entry() string { return filepath.Join(f.base, "autostart", entryName) }

// link is the unit's in a target: what `systemctl enable` makes.
func (f files) link(target string) string {
	return filepath.Join(f.base, "systemd", "user", target+".wants", unitName)
}

func turnOn(ctx context.Context, p Plan) (why string, err error) {
	f, err := userFiles()
	if err != nil {
		return "", err
	}
	for _, path := range []string{f.unit(), f.entry()} {
		if there, err := os.ReadFile(path); err == nil && !strings.Contains(string(there), mark) {
			return "", foreign(path) // whatever it starts, two starts are one too many
		}
	}
	manager := askManager(ctx)
	if p.Headless && !manager.answers {
		return "", problem.Newf(problem.Config,
			"log in so that `systemctl --user status` answers, or start `shelfkeeper run --no-tray` by other means",
			"a start without a desktop needs systemd, and its user manager does not answer: %s", manager.why)
	}
	byUnit, why := choose(p, manager, hasDisplay())
	if !byUnit {
		if err := write(f.entry(), p.entry()); err != nil {
			return "", err
		}
		return "not by a systemd unit: " + why, f.removeUnit(ctx)
	}
	if err := write(f.unit(), p.unit()); err != nil {
		return "", err
	}
	for _, target := range []string{desktopTarget, headlessTarget} {
		if target != p.target() {
			if err := remove(f.link(target)); err != nil {
				return "", err
			}
		}
	}
	if err := f.enable(p.target()); err != nil {
		return "", err
	}
	if err := removeOurs(f.entry()); err != nil {
		return "", err
	}
	return "", reload(ctx)
}

// choose says whether the unit starts the daemon, and otherwise why not. A
// desktop that never reaches graphical-session.target, as LXQt, MATE and most
// window managers, would never start the unit.
func choose(p Plan, m manager, display bool) (byUnit bool, why string) {
	switch {
	case p.Headless:
		return true, ""
	case !m.answers:
		return false, "systemd's user manager does not answer"
	case display && !m.graphical:
		return false, "this desktop does not reach " + desktopTarget
	}
	return true, ""
}

func hasDisplay() bool { return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" }

// enable makes the link that starts the unit with target.
func (f files) enable(target string) error {
	link, to := f.link(target), filepath.Join("..", unitName)
	if there, err := os.Readlink(link); err == nil && there == to {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := remove(link); err != nil {
		return err
	}
	return os.Symlink(to, link)
}

// write replaces a file of ours, and refuses one that is not.
func write(path, text string) error {
	there, err := os.ReadFile(path)
	switch {
	case err == nil && string(there) == text:
		return nil
	case err == nil && !strings.Contains(string(there), mark):
		return foreign(path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(path, []byte(text), 0o644)
}

func turnOff(ctx context.Context) error {
	f, err := userFiles()
	if err != nil {
		return err
	}
	err = errors.Join(removeOurs(f.entry()), f.removeUnit(ctx))
	// Empty directories are left by nobody else's wish; others stay.
	for _, dir := range []string{"autostart", "systemd/user", "systemd"} {
		_ = os.Remove(filepath.Join(f.base, filepath.FromSlash(dir)))
	}
	return err
}

// removeUnit removes the unit with its links. A daemon that runs by it goes on.
func (f files) removeUnit(ctx context.Context) error {
	there, err := os.ReadFile(f.unit())
	if err == nil && !strings.Contains(string(there), mark) {
		return foreign(f.unit())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	linked := false
	for _, target := range []string{desktopTarget, headlessTarget} {
		if _, err := os.Lstat(f.link(target)); err == nil {
			linked = true
		}
		if err := remove(f.link(target)); err != nil {
			return err
		}
		_ = os.Remove(filepath.Dir(f.link(target))) // if it is empty now
	}
	if err != nil && !linked {
		return nil // there was none
	}
	if err := remove(f.unit()); err != nil {
		return err
	}
	if askManager(ctx).answers {
		return reload(ctx)
	}
	return nil
}

// removeOurs removes a file that this package wrote.
func removeOurs(path string) error {
	there, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !strings.Contains(string(there), mark):
		return foreign(path)
	}
	return remove(path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func look(ctx context.Context, p Plan) (State, error) {
	f, err := userFiles()
	if err != nil {
		return State{}, err
	}
	text, err := os.ReadFile(f.unit())
	if err == nil && strings.Contains(string(text), mark) {
		return f.lookAtUnit(ctx, p, string(text))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return State{}, err
	}
	text, err = os.ReadFile(f.entry())
	if errors.Is(err, fs.ErrNotExist) || err == nil && !strings.Contains(string(text), mark) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	s := State{On: true, Method: Entry, Path: f.entry(), Command: value(string(text), "Exec")}
	p.Headless = false
	s.Current = s.Command == value(p.entry(), "Exec")
	if !entryRuns(string(text)) {
		s.On = false
		s.Reason, s.Remedy = "the desktop's own settings turned it off", "run `shelfkeeper autostart on`"
	}
	return s, nil
}

func (f files) lookAtUnit(ctx context.Context, p Plan, text string) (State, error) {
	p.Headless = value(text, "WantedBy") == headlessTarget
	s := State{On: true, Method: Systemd, Headless: p.Headless, Path: f.unit(), Command: value(text, "ExecStart")}
	s.Current = s.Command == unitExec(p.command())
	if _, err := os.Lstat(f.link(p.target())); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
		s.On = false
		s.Reason, s.Remedy = "`systemctl --user disable` turned it off", "run `shelfkeeper autostart on`"
		return s, nil
	}
	if p.Headless {
		if lingers, who := lingering(); !lingers {
			s.Reason = fmt.Sprintf("systemd starts it when %s logs in for the first time, and ends it at the last logout", who)
			s.Remedy = "run `loginctl enable-linger` to have it from boot on"
		}
		return s, nil
	}
	if m := askManager(ctx); m.answers && !m.graphical && hasDisplay() {
		s.Reason, s.Remedy = "this desktop does not reach "+desktopTarget+", so nothing starts it", "run `shelfkeeper autostart on` here"
	}
	return s, nil
}

// lingering reports whether the user's units run without a login.
func lingering() (bool, string) {
	me, err := user.Current()
	if err != nil {
		return false, "the user"
	}
	_, err = os.Stat(filepath.Join(lingerDir, me.Username))
	return err == nil, me.Username
}
