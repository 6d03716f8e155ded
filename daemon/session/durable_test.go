package session

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/keychain"
)

// countedVault notes what the budget's file holds when the new pair is written.
type countedVault struct {
	*keychain.Vault
	path string
	mu   sync.Mutex
	seen []string
}

func (v *countedVault) Commit(ctx context.Context, rec keychain.Record) error {
	if rec.Intent == nil {
		data, _ := os.ReadFile(v.path)
		v.mu.Lock()
		v.seen = append(v.seen, string(data))
		v.mu.Unlock()
	}
	return v.Vault.Commit(ctx, rec)
}

// Between the answer that brings tokens and the moment at which they are durable
// nothing else is written. What the budget learns from that answer is written
// after that, and is not forgotten.
func TestTokensAreWrittenFirst(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour, LimiterMax: 17}, func(r *rig) {
		r.s.Close()
		path := filepath.Join(t.TempDir(), "budget.json")
		v := &countedVault{Vault: r.vault, path: path}
		base, _ := url.Parse("http://abs.test")
		r.startWith(func(c *Config) { c.Vault, c.Budget = v, budget.Open(path).Of(base) })
		time.Sleep(55 * time.Minute)
		synctest.Wait()
		if len(v.seen) == 0 || !strings.Contains(v.seen[0], `"spent":["`) || strings.Contains(v.seen[0], `"limit"`) {
			t.Errorf("when the pair was written, the budget was %q", v.seen)
		}
		if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), `"limit":17`) {
			t.Errorf("after the attempt the budget is %s, %v", data, err)
		}
		if !strings.Contains(r.log.String(), "new tokens are durable") {
			t.Errorf("nothing tells how long it took\n%s", r.log)
		}
	})
}

// The tokens are in danger for one write, however slow the disk is.
func TestTokensWaitForOneWrite(t *testing.T) {
	for _, sync := range []time.Duration{50 * time.Millisecond, 5 * time.Second} {
		withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
			r.s.Close()
			r.startWith(func(c *Config) { c.Vault = slowDisk{r.vault, sync} })
			time.Sleep(55 * time.Minute)
			if want := fmt.Sprintf("ms_after_answer=%d", (2 * sync).Milliseconds()); !strings.Contains(r.log.String(), want) {
				t.Errorf("not %s\n%s", want, r.log)
			}
		})
	}
}
