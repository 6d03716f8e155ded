// Package sdnotify tells systemd when the daemon is ready, that it still
// works, and when it ends.
//
// It exists so that a daemon that hangs is started anew. What it tells is
// proved each time by asking the daemon the way its clients do; without
// systemd it does nothing.
package sdnotify

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// firstTry and proofDeadline are for a start: systemd itself gives up after a
// minute and a half.
const (
	firstTry      = 100 * time.Millisecond
	proofDeadline = 20 * time.Second
)

// Run tells systemd READY=1 when alive first returns nil, then WATCHDOG=1 after
// each proof, twice in the interval in which systemd wants it, and STOPPING=1
// when ctx ends. alive is called from here alone; while it fails or hangs
// nothing is told, and systemd ends the process.
func Run(ctx context.Context, alive func(context.Context) error, log *slog.Logger) {
	told, err := daemon.SdNotify(false, "STATUS=Starting")
	if err != nil {
		log.Warn("systemd cannot be told that the daemon runs", "reason", err)
	}
	if !told {
		return
	}
	defer tell(daemon.SdNotifyStopping, log)
	for !proved(ctx, alive, proofDeadline, log) {
		if !pause(ctx, firstTry) {
			return
		}
	}
	tell(daemon.SdNotifyReady+"\nSTATUS=Serving", log)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the interval of systemd's watchdog is unknown", "reason", err)
	}
	if err != nil || interval <= 0 {
		<-ctx.Done()
		return
	}
	for pause(ctx, interval/2) {
		if proved(ctx, alive, interval/2, log) {
			tell(daemon.SdNotifyWatchdog, log)
		}
	}
}

// proved asks the daemon and says in the log when it does not answer.
func proved(ctx context.Context, alive func(context.Context) error, limit time.Duration, log *slog.Logger) bool {
	asked, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := alive(asked)
	if err != nil && ctx.Err() == nil {
		log.Error("the daemon does not answer itself, so systemd is not told that it lives", "reason", err)
	}
	return err == nil && ctx.Err() == nil
}

func tell(state string, log *slog.Logger) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd cannot be told", "state", state, "reason", err)
	}
}

// pause reports whether d passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
