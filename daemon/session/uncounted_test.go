package session

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/budget"
)

// A renewal that cannot be counted is not made. That is no outage of the server, and
// what ends it is said.
func TestRenewalThatCannotBeCounted(t *testing.T) {
	for _, c := range []struct{ name, content, detail, remedy string }{
		{"of a newer version", `{"version":99,"servers":{}}`, "written by a newer version of Shelfkeeper",
			"start the newer version; nothing was changed"},
		{"no file", "", "not a regular file", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
				r.s.Close()
				path := filepath.Join(t.TempDir(), "budgets.json")
				put := func() error { return os.WriteFile(path, []byte(c.content), 0o600) }
				if c.content == "" {
					put = func() error { return os.Mkdir(path, 0o700) }
				}
				if err := put(); err != nil {
					t.Fatal(err)
				}
				before := len(r.fake.Ledger().AllRotations())
				r.startWith(func(cfg *Config) { cfg.Budget = budget.Open(path).Of(&url.URL{Scheme: "http", Host: "abs.test"}) })
				time.Sleep(55 * time.Minute)
				if v := r.level(); v.Condition != health.RenewalDelayed.ID || !strings.Contains(v.Reason, c.detail) ||
					!strings.Contains(v.Reason, path) || c.remedy != "" && v.Remedy != c.remedy {
					t.Errorf("while it lives: %+v\n%s", v, r.log)
				}
				r.mustToken()
				time.Sleep(10 * time.Minute)
				if v := r.level(); v.Level != health.Offline || v.Condition != health.RenewalFails.ID || c.remedy != "" &&
					v.Remedy != c.remedy {
					t.Errorf("after its end: %+v\n%s", v, r.log)
				}
				if n := len(r.fake.Ledger().AllRotations()); n != before {
					t.Errorf("%d renewals were asked for, %d before", n, before)
				}
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Minute)
				r.mustToken()
				if v := r.level(); v.Level != health.OK {
					t.Errorf("at last: %+v", v)
				}
			})
		})
	}
}
