package session

import (
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/keychain"
)

// While the keychain asks for its password, everything that tells of the account
// says so, and the remedy is to answer it.
func TestAnOpenPromptIsSaid(t *testing.T) {
	withRig(t, absfake.Config{}, func(r *rig) {
		r.s.Close()
		v := &sickVault{Vault: r.vault}
		v.be(keychain.ErrLocked, false)
		r.board = health.NewBoard()
		r.startWith(func(c *Config) { c.Vault = v })
		if v := r.level(); v.Condition != health.VaultLocked.ID {
			t.Fatalf("locked: %+v", v)
		}
		v.be(nil, true)
		asked := make(chan error, 1)
		go func() { asked <- r.s.Reauthenticate(r.Context(), false) }()
		synctest.Wait()
		if v := r.level(); v.Condition != health.VaultPrompt.ID || v.Remedy == "" {
			t.Errorf("while it asks: %+v", v)
		}
		v.be(nil, false)
		if err := <-asked; err != nil {
			t.Fatal(err)
		}
		if v := r.level(); v.Level != health.OK {
			t.Errorf("answered: %+v", v)
		}
	})
}
