package session

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// lossRig is a rig whose record of attempts survives restarts.
func lossRig(t *testing.T, release absfake.Release, password bool, test func(*rig)) {
	t.Helper()
	users := []absfake.User{{Name: "root", Password: "root", Type: "root"}, {Name: "demo", Password: "demo"}}
	withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour, RefreshTTL: 5 * time.Hour, LimiterMax: -1, Users: users}, func(r *rig) {
		r.s.Close()
		r.history, _ = history.Open(t.Context(), "")
		if !password {
			r.edit(func(rec *keychain.Record) { rec.Password = keychain.Password{} })
		}
		r.start()
		test(r)
	})
}

var redactDemo = redact.New("demo")

// edit changes what the vault holds, as of a next generation.
func (r *rig) edit(change func(*keychain.Record)) {
	r.Helper()
	rec, err := r.vault.Load(r.Context(), r.account)
	if err != nil {
		r.Fatal(err)
	}
	rec.Generation++
	change(&rec)
	if err := r.vault.Commit(r.Context(), rec); err != nil {
		r.Fatal(err)
	}
}

// lost waits for the next rotation and returns what is shown of the loss.
func (r *rig) lost(after time.Duration) (*health.Loss, health.View) {
	r.Helper()
	time.Sleep(after)
	synctest.Wait()
	var a health.Account
	r.s.Fill(&a)
	if a.Loss == nil {
		r.Fatalf("no loss is shown: %+v\n%+v\n%s", a.Session, r.s.History.Entries(), r.log)
	}
	return a.Loss, r.level()
}

// soon is after the next rotation and its second try, while the access token
// still lives.
const soon = 55 * time.Minute

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}
