package keychain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// markerName is the file in which a vault remembers its backend. A vault that
// looked into another place after a restart would take "not there" for "signed
// out" (ProtonMail/proton-bridge#483).
const markerName = "vault.json"

// markerVersion is the form of that file.
const markerVersion = 1

type marker struct {
	Version int     `json:"version"`
	Backend Backend `json:"backend"`
}

func (v *Vault) openBackend(ctx context.Context, o Options) error {
	if o.Backend == Memory {
		v.backend, v.files, v.store = Memory, newMemoryFiles(), newMemoryStore()
		return nil
	}
	if o.Dir == "" {
		return fmt.Errorf("%w: no directory given", ErrInvalid)
	}
	v.disk = &diskFiles{dir: o.Dir}
	v.files = v.disk
	remembered, err := v.remembered()
	if err != nil {
		return err
	}
	v.backend = o.Backend
	if v.backend == "" {
		v.backend = remembered
	}
	if v.backend == "" {
		v.backend = OS
	}
	if remembered != "" && remembered != v.backend {
		return fmt.Errorf("%w: %s holds a vault with the backend %q, and %q was asked for; use %q, or sign out of every account with it "+
			"and then move that directory away",
			ErrBackend, o.Dir, remembered, v.backend, remembered)
	}
	switch v.backend {
	case OS:
		if len(o.Helper) == 0 {
			return fmt.Errorf("%w: no command for the keychain's child process", ErrInvalid)
		}
		v.store = &osStore{argv: o.Helper}
		return nil
	case File:
		// Remembered before the store exists, so that a crash in between leaves
		// no store that nobody knows of.
		if err := v.remember(ctx); err != nil {
			return err
		}
		v.store, err = v.openFileStore(ctx, o.Passphrase, o.Wrong)
		return err
	}
	return fmt.Errorf("%w: no backend is called %q; there are %q, %q and %q", ErrInvalid, v.backend, OS, File, Memory)
}

// remembered returns the backend this directory holds, "" for none.
func (v *Vault) remembered() (Backend, error) {
	data, err := v.files.read(markerName)
	if errors.Is(err, fs.ErrNotExist) {
		// A File vault that lost its marker must not pass for an empty one.
		if _, err := v.files.read(identityName); err == nil {
			return File, nil
		}
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var m marker
	if err := json.Unmarshal(data, &m); err != nil {
		return "", fmt.Errorf("%s: %w: %w", markerName, ErrUnreadable, err)
	}
	if m.Version > markerVersion {
		return "", fmt.Errorf("%s: %w: version %d, this program knows up to %d", markerName, ErrNewer, m.Version, markerVersion)
	}
	if m.Version < 1 || m.Backend != OS && m.Backend != File {
		return "", fmt.Errorf("%s: %w: no known backend in it", markerName, ErrUnreadable)
	}
	return m.Backend, nil
}

// remember writes the marker unless it is there. It happens with the first thing
// that is stored, so that merely looking decides nothing.
func (v *Vault) remember(ctx context.Context) error {
	if v.disk == nil {
		return nil
	}
	if there, err := v.agrees(); there || err != nil {
		return err
	}
	unlock, err := v.lockFile(ctx, vaultLock)
	if err != nil {
		return err
	}
	defer unlock()
	if there, err := v.agrees(); there || err != nil {
		return err
	}
	data, err := marshal(marker{Version: markerVersion, Backend: v.backend})
	if err != nil {
		return err
	}
	return v.files.write(markerName, append(data, '\n'))
}

// agrees reports whether the directory remembers this backend; another one is
// ErrBackend.
func (v *Vault) agrees() (bool, error) {
	remembered, err := v.remembered()
	if err != nil {
		return false, err
	}
	if remembered != "" && remembered != v.backend {
		return false, fmt.Errorf("%w: another process chose %q meanwhile", ErrBackend, remembered)
	}
	return remembered != "", nil
}
