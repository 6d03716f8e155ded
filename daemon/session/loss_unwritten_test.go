package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/history"
	"shelfkeeper/keychain"
)

// A new pair that no disk takes is lost with the process.
func TestUnwrittenPairIsTold(t *testing.T) {
	lossRig(t, absfake.R2332, false, func(r *rig) {
		r.s.Close()
		r.s = New(Config{Account: "home", Base: r.up.Base(), ServerVersion: "2.33.2", Vault: fullDisk{r.vault},
			Connect: func() Conn { return r.up.Private() }, Budget: r.budget, Board: r.board, Log: r.s.Log, History: r.history})
		r.s.Start()
		time.Sleep(55 * time.Minute)
		r.s.Close()
		r.start()
		loss, view := r.lost(time.Minute)
		if loss.Cause != string(history.DiskFull) || !strings.Contains(loss.Sentence, "no space left") ||
			view.Remedy != "free some space, then run `shelfkeeper login`" {
			t.Errorf("got %+v\n%+v", loss, r.s.History.Entries())
		}
	})
}

// fullDisk takes intents, which replace what is there, and no new pair.
type fullDisk struct{ *keychain.Vault }

func (f fullDisk) Commit(ctx context.Context, rec keychain.Record) error {
	if rec.Intent == nil {
		return errors.New("no space left")
	}
	return f.Vault.Commit(ctx, rec)
}
