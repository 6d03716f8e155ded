package home

import (
	"context"
	"errors"
	"testing"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// A repair that waited for its turn while a sign-out forgot the empty vault makes no
// new one: the next sign-in chooses where sessions are kept.
func TestRepairMakesNoVault(t *testing.T) {
	h, err := Open(Options{
		Version: "test", Config: config.Default(), Log: discard, Paths: testPaths(t), Unattended: true,
		Passphrase: func(context.Context, bool) (redact.Secret, error) { return redact.New("words"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Config.Store = config.Store(keychain.File)
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	if v, err := h.vaultUnasked(t.Context()); !errors.Is(err, errNoVault) || v != nil {
		t.Errorf("got %v, %v", v, err)
	}
	if list, err := h.AdoptOrphans(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("orphans of no vault: %+v, %v", list, err)
	}
	if backend, err := keychain.Remembered(h.vaultDir()); backend != "" || err != nil {
		t.Errorf("it has chosen %q, %v", backend, err)
	}
	if _, err := h.openVault(t.Context(), keychain.File); err != nil {
		t.Fatal(err)
	}
	if _, err := h.vaultUnasked(t.Context()); err != nil {
		t.Errorf("with a vault: %v", err)
	}
}
