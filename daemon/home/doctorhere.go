package home

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/desktop"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain"
)

// here are the checks of this machine. account is nil where there is none yet, and
// daemon where none runs.
func (h *Home) here(account *accounts.Account, daemon *health.Snapshot) []doctor.Check {
	checks := []doctor.Check{
		{ID: "keychain", What: "the keychain",
			Look: func(ctx context.Context) doctor.Finding { return h.checkKeychain(ctx, account, daemon) }},
		{ID: "ports", What: "the ports for players",
			Look: func(ctx context.Context) doctor.Finding { return h.checkPorts(ctx, account, daemon) }},
		{ID: "peers", What: "whether the system says whose connection it is", Look: checkPeers},
		{ID: "watcher", What: "the panel", Look: func(ctx context.Context) doctor.Finding { return checkPanel(ctx, daemon) }},
	}
	if h.Starts != nil {
		checks = append(checks, doctor.Check{ID: "autostart", What: "the start at login", Look: h.checkStart})
	}
	return append(checks, doctor.Check{ID: "instances", What: "other Shelfkeepers on this machine",
		Look: func(context.Context) doctor.Finding { return checkInstances(daemon) }})
}

func fine(format string, a ...any) doctor.Finding {
	return doctor.Finding{Verdict: doctor.OK, Evidence: fmt.Sprintf(format, a...)}
}

func noted(remedy, format string, a ...any) doctor.Finding {
	return doctor.Finding{Verdict: doctor.Note, Evidence: fmt.Sprintf(format, a...), Remedy: remedy}
}

func faulty(remedy, format string, a ...any) doctor.Finding {
	return doctor.Finding{Verdict: doctor.Fault, Evidence: fmt.Sprintf(format, a...), Remedy: remedy}
}

func unseen(format string, a ...any) doctor.Finding {
	return doctor.Finding{Verdict: doctor.Unknown, Evidence: fmt.Sprintf(format, a...)}
}

// checkKeychain writes an item without meaning into the store of secrets, reads it
// back and deletes it. It asks nobody for anything.
func (h *Home) checkKeychain(ctx context.Context, account *accounts.Account, daemon *health.Snapshot) doctor.Finding {
	if shown := h.shownVault(account, daemon); shown != nil && !h.opensByItself() {
		if shown.Condition == "ok" {
			return fine("the vault in files is open in the daemon")
		}
		return faulty("see `shelfkeeper status`", "the vault in files does not open in the daemon: %s", shown.Condition)
	}
	if !h.opensByItself() {
		return unseen("the vault in files opens with its passphrase, and the daemon does not run")
	}
	known, err := keychain.Remembered(h.vaultDir())
	if err != nil {
		return h.vaultFinding(err, false)
	}
	if known == "" && (h.Backend == keychain.File || string(h.Config.Store) == string(keychain.File)) {
		return fine("secrets will lie in files under a passphrase; nothing is kept yet")
	}
	vault, err := h.openVault(ctx, "")
	if err != nil {
		return h.vaultFinding(err, known == "")
	}
	took, err := vault.Try(ctx)
	if err != nil {
		return h.vaultFinding(err, known == "")
	}
	where := "the desktop's keychain"
	switch vault.Backend() {
	case keychain.File:
		where = "the vault in files"
	case keychain.Memory:
		where = "the memory of this process"
	}
	return fine("%s is unlocked; writing, reading and deleting took %s", where, took.Round(time.Millisecond))
}

func (h *Home) shownVault(account *accounts.Account, daemon *health.Snapshot) *health.Vault {
	if account == nil {
		return nil
	}
	if shown := accountIn(daemon, account.Name); shown != nil {
		return &shown.Vault
	}
	return nil
}

// vaultFinding says why the store of secrets cannot be used. Where nothing is kept in it
// yet, another one can be chosen.
func (h *Home) vaultFinding(err error, empty bool) doctor.Finding {
	p := vaultProblem(err)
	if empty && errors.Is(err, keychain.ErrAbsent) {
		return noted("start the desktop's keyring; or keep sessions in a file: `shelfkeeper login URL --store file`", "%v", p)
	}
	return faulty(p.Remedy, "%v", p)
}

// checkPorts says whether players can reach the account.
func (h *Home) checkPorts(ctx context.Context, account *accounts.Account, daemon *health.Snapshot) doctor.Finding {
	if account == nil {
		return doctor.Finding{}
	}
	if shown := accountIn(daemon, account.Name); shown != nil {
		switch {
		case shown.Proxy.URL != "" && daemon.Page.Condition != "":
			return noted(daemon.Page.Remedy, "players use %s, and the status page is not open: %s", shown.Proxy.URL, daemon.Page.Reason)
		case shown.Proxy.URL != "":
			return fine("players use %s, served by process %d", shown.Proxy.URL, daemon.PID)
		case shown.Condition == health.ProxyDown.ID:
			return faulty(shown.Remedy, "%s", shown.Reason)
		}
	}
	port := h.WithPort(*account).Port
	err := portProblem(port, listenable(port), fmt.Sprintf("`shelfkeeper account set %s --port 0`", account.Name))
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return faulty(p.Remedy, "%v", p)
	case daemon == nil:
		return noted("run `shelfkeeper run`, or have it start at login: `"+h.startCommand(ctx)+"`",
			"port %d is free, and no daemon runs: players get no answer", port)
	}
	return unseen("the daemon does not serve the account")
}

// checkPeers asks the system who is at the far end of a connection of our own.
func checkPeers(ctx context.Context) doctor.Finding {
	peer, err := ownPeer(ctx)
	const without = "make a grant for each player: `shelfkeeper players add NAME`"
	switch {
	case err != nil:
		return unseen("a connection within this machine: %v", err)
	case !peer.Known:
		return noted(without, "this system does not say whose connection it is: every player needs a grant")
	case os.Getuid() >= 0 && peer.UID != os.Getuid():
		return faulty(without, "the system says that a connection of ours is of user %d, and we are %d", peer.UID, os.Getuid())
	}
	return fine("the system says whose connection it is: your own programs need no grant")
}

// ownPeer connects to a port of this process and looks who that was.
func ownPeer(ctx context.Context) (players.Peer, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return players.Peer{}, err
	}
	defer l.Close()
	far, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return players.Peer{}, err
	}
	defer far.Close()
	near, err := l.Accept()
	if err != nil {
		return players.Peer{}, err
	}
	defer near.Close()
	return players.PeerOf(near), nil
}

// checkPanel says whether the icon is seen.
func checkPanel(ctx context.Context, daemon *health.Snapshot) doctor.Finding {
	if daemon != nil && daemon.Tray != nil {
		return noted(daemon.Tray.Remedy, "%s", daemon.Tray.Reason)
	}
	shows, err := desktop.ShowsIcons(ctx)
	switch {
	case errors.Is(err, desktop.ErrNoDesktop):
		return fine("%v, so no icon is needed", err)
	case err != nil:
		return unseen("the session bus does not answer: %v", err)
	case !shows:
		return noted("add the panel's item for status icons (GNOME: the extension AppIndicator); "+
			"`shelfkeeper status` and `shelfkeeper page` show the same", "no panel shows the icon")
	}
	return fine("a panel shows icons")
}

// startCommand turns on the start at login. Without a desktop it is the headless one,
// which needs a file with the passphrase of a vault in files.
func (h *Home) startCommand(ctx context.Context) string {
	command := "shelfkeeper autostart on"
	if _, err := desktop.ShowsIcons(ctx); !errors.Is(err, desktop.ErrNoDesktop) {
		return command
	}
	command += " --headless"
	if backend, err := keychain.Remembered(h.vaultDir()); err == nil && backend == keychain.File {
		command += " --passphrase-file FILE"
	}
	return command
}

// checkStart says whether the system starts this program at login.
func (h *Home) checkStart(ctx context.Context) doctor.Finding {
	state, err := h.Starts(ctx)
	switch {
	case err != nil:
		return unseen("%v", err)
	case !state.On:
		return noted("run `"+h.startCommand(ctx)+"`", "it does not start at login, and players get no answer after one")
	case !state.Current:
		return noted("run `"+h.startCommand(ctx)+"`", "another program starts at login: %s", state.Command)
	case state.Remedy != "":
		return noted(state.Remedy, "%s", state.Reason)
	}
	return fine("it starts at login (%s)", state.Method)
}

// checkInstances looks for other daemons on this machine: of another user, of another
// home, or forgotten ones.
func checkInstances(daemon *health.Snapshot) doctor.Finding {
	all, seen := runningDaemons()
	if !seen {
		return unseen("this system does not list programs")
	}
	var others []string
	for _, p := range all {
		if daemon == nil || p.pid != daemon.PID {
			others = append(others, p.String())
		}
	}
	if len(others) == 0 {
		return fine("no other Shelfkeeper runs")
	}
	return noted("let each user have one, at ports of its own (`listen` in config.toml), and each account live in one of them",
		"another Shelfkeeper runs: %s", strings.Join(others, ", "))
}

// otherDaemon is a process that is a Shelfkeeper.
type otherDaemon struct{ pid, uid int }

func (d otherDaemon) String() string {
	if d.uid == os.Getuid() {
		return fmt.Sprintf("process %d of yours", d.pid)
	}
	return fmt.Sprintf("process %d of user %d", d.pid, d.uid)
}
