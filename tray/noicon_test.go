package tray

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/health"
)

// A build without an icon tells what needs the user all the same, says once that
// there is no icon, and a click on a message does its work.
func TestMessagesWithoutAnIcon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeClient{snapshots: make(chan health.Snapshot)}
		opened := make(chan string, 1)
		cfg := Config{Client: c, Log: slog.New(slog.DiscardHandler), Starts: unknownStart, FirstTime: func(string) bool { return true },
			Open: func(url string) error { opened <- url; return nil }}
		ctx, cancel := context.WithCancel(t.Context())
		f := follow(ctx, c, func() {})
		c.snapshots <- snapshotOf(&health.VaultPassphrase)
		synctest.Wait()
		u, m := newUI(cfg, f), &fakeMessenger{clicked: make(chan string)}
		u.messages.to = m
		var running sync.WaitGroup
		running.Go(func() { withoutIcon(ctx, u) })
		synctest.Wait()
		if got := m.keys(); got != "home/vault-passphrase" {
			t.Errorf("shown: %q", got)
		}
		m.clicked <- "home/vault-passphrase"
		synctest.Wait()
		if len(opened) != 1 {
			t.Error("a click on the message opens nothing")
		}
		<-time.After(hostGrace + time.Second)
		synctest.Wait()
		if got := m.keys(); got != "home/vault-passphrase no-tray" {
			t.Errorf("shown after a while: %q", got)
		}
		cancel()
		running.Wait()
		<-f.ended
	})
}
