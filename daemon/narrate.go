package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"shelfkeeper/daemon/logbook"
)

// narrationPause is how long changes that come together wait to be told together.
const narrationPause = 100 * time.Millisecond

// logStart says in one line what a bug report needs first.
func (d *Daemon) logStart() {
	names := []string{"none"}
	if all := d.home.Book.All(); len(all) > 0 {
		names = nil
		for _, a := range all {
			names = append(names, a.Name)
		}
	}
	d.home.Log.Info(fmt.Sprintf("Shelfkeeper %s runs as process %d", d.home.Version, os.Getpid()), "accounts", strings.Join(names, " "),
		"configuration", d.home.Paths.Config, "state", d.home.Paths.State, "control", d.ControlPath())
}

// narrate logs each change of an account's level until ctx ends.
func (d *Daemon) narrate(ctx context.Context) {
	var narrator logbook.Narrator
	for {
		changed := d.Changed()
		lines, again := narrator.Tell(d.Snapshot(), time.Now())
		logbook.Log(d.home.Log, lines)
		var more <-chan time.Time
		if again > 0 {
			more = time.After(again)
		}
		select {
		case <-changed:
		case <-more:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(narrationPause):
		case <-ctx.Done():
			return
		}
	}
}

// logSignIn logs a sign-in that a person asked for.
func (d *Daemon) logSignIn(account, server string, err error) {
	log := d.home.Log
	if account == "" {
		account = server
	}
	switch {
	case err == nil:
		log.Info("signed in", "account", account)
	case errors.Is(err, context.Canceled):
		log.Info("the sign-in was called off", "account", account)
	default:
		log.Warn("the sign-in failed", "account", account, "reason", err)
	}
}
