package signin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// A session that could be kept and never be renewed is refused in words: where
// that can be told before, no login is spent on it, and otherwise it is ended on
// the server again.
func TestSignInThatLeavesNoRoom(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		desc           string
		name, password string
		keep           bool
		ok, asked      bool
		culprit        string
	}{
		{"a password of 900 bytes", "alice", long(900), true, true, true, ""},
		{"a password of 1,412 bytes", "alice", long(1412), true, false, true, "the password has 1412"},
		{"a password of 1,600 bytes", "alice", long(1600), true, false, false, "the password has 1600"},
		{"a password of 4,000 bytes", "alice", long(4000), true, false, false, "the password has 4000"},
		{"the same, not to be kept", "alice", long(4000), false, true, true, ""},
		{"a name of 200 bytes", long(200), "p", true, true, true, ""},
		{"a name of 600 bytes", long(600), "p", true, false, true, "token has"},
		{"a name of 600 bytes, no password kept", long(600), "p", false, false, true, "token has"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			users := []absfake.User{{Name: c.name, Password: c.password}, {Name: "demo", Password: "demo", Type: "root"}}
			withBench(t, absfake.Config{Users: users}, func(r *bench) {
				before := r.fake.Ledger().PasswordLogins(c.name)
				in, done := r.by(ByPassword{Username: c.name, Password: redact.New(c.password), Keep: c.keep}, r.vault, "other")
				defer done()
				_, err := in.Do(r.Context())
				if asked := r.fake.Ledger().PasswordLogins(c.name) > before; asked != c.asked {
					t.Errorf("the server was asked: %v", asked)
				}
				var size *keychain.SizeError
				var inVault *VaultError
				if c.ok {
					if err != nil {
						t.Fatal(err)
					}
					rec, err := r.vault.Load(r.Context(), "other")
					rec.Intent = &keychain.Intent{Since: time.Now(), Attempt: 1}
					if err == nil {
						err = r.vault.Commit(r.Context(), rec)
					}
					if err != nil {
						t.Error("it cannot be renewed:", err)
					}
					return
				}
				if !errors.As(err, &inVault) || inVault.Sent != c.asked || !errors.As(err, &size) || !strings.Contains(err.Error(), c.culprit) {
					t.Errorf("got %v", err)
				}
				if _, err := r.vault.Load(r.Context(), "other"); !errors.Is(err, keychain.ErrNotFound) {
					t.Error("something is kept:", err)
				}
				if c.asked && r.logouts() != 1 {
					t.Errorf("%d logouts", r.logouts())
				}
			})
		})
	}
}
