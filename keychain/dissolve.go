package keychain

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Dissolve forgets the vault itself if it holds nothing: no session and no larger
// secret of any account, nothing that was set aside, and no sign-out that is not
// finished. Its backend and passphrase can then be chosen anew. It reports whether
// it did; afterwards only Close may be called. It does nothing while another
// process has a File vault open. The caller makes sure that nobody in this
// process uses it.
func (v *Vault) Dissolve(ctx context.Context) (bool, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	if v.disk == nil {
		return false, nil
	}
	k, err := v.obtainKey(ctx, false)
	if err != nil {
		return false, fmt.Errorf("dissolve the vault: %w", err)
	}
	unlock, err := v.lockFile(ctx, vaultLock)
	if err != nil {
		return false, fmt.Errorf("dissolve the vault: %w", err)
	}
	defer unlock()
	alone, err := v.useAlone(ctx)
	if err != nil || !alone {
		return false, err
	}
	remains, err := v.remains(k)
	if err != nil || remains == nil {
		return false, err
	}
	// The marker comes last: without it an identity still tells the backend.
	for _, name := range append(remains, identityName, markerName) {
		if err := v.files.remove(name); err != nil {
			return false, fmt.Errorf("dissolve the vault: %w", err)
		}
		reached("dissolving")
	}
	v.log.Info("the vault held nothing and is forgotten", "backend", string(v.backend))
	return true, nil
}

// remains lists the files of a vault that holds nothing: of signed-out accounts,
// and the key. It is nil if the vault holds something.
func (v *Vault) remains(k *sealKey) (names []string, err error) {
	for _, prefix := range []string{markPrefix, setAsidePrefix} {
		if some, err := v.files.list(prefix); err != nil || len(some) > 0 {
			return nil, err
		}
	}
	journals, err := v.files.list(journalPrefix)
	if err != nil {
		return nil, err
	}
	items := []string{itemName(keyItem)}
	for _, name := range journals {
		account, ok := signedOut(v.files, name, k)
		if !ok {
			return nil, nil
		}
		items = append(items, itemName(slotItem(account, 0)), itemName(slotItem(account, 1)))
	}
	stored, err := v.files.list(itemPrefix)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(stored, func(name string) bool { return !slices.Contains(items, name) }) {
		return nil, nil
	}
	sealed, err := v.files.list(sealedPrefix)
	if err != nil {
		return nil, err
	}
	if len(sealed) > 0 {
		if all, err := v.readSealed(k); err != nil || len(all.Items) > 0 || all.unknown != "" {
			return nil, nil // what cannot be read is something
		}
	}
	// The key goes after all that it opens.
	key := itemName(keyItem)
	slots := slices.DeleteFunc(slices.Clone(stored), func(name string) bool { return name == key })
	return slices.Concat(journals, sealed, slots, []string{key}), nil
}

// signedOut returns the account of a journal, and whether the journal says that
// its user signed out.
func signedOut(f files, name string, k *sealKey) (account string, ok bool) {
	quoted, id, _ := strings.Cut(strings.TrimPrefix(name, journalPrefix), ".")
	account, err := url.PathUnescape(quoted)
	if err != nil || k == nil || id != k.id {
		return "", false
	}
	data, err := f.read(name)
	if err != nil {
		return "", false
	}
	e, err := decodeJournal(data, account, k, name)
	return account, err == nil && e.Tombstone
}
