package keychain

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
)

// journalPrefix opens the names of journals: journal.<account>.<key id>. The
// key's id in the name tells a journal of a lost key from a torn one, and keeps
// one from being written over the other.
const journalPrefix = "journal."

func journalName(account string, k *sealKey) string {
	return journalPrefix + fileName(account) + "." + k.id
}

func journalPurpose(account string) string { return "journal\n" + account }

// readJournal returns the account's newest record on disk. k may be nil. The
// errors are ErrNotFound (there is no journal), ErrUnreadable, ErrNewer.
func (v *Vault) readJournal(a *account, k *sealKey) (entry, error) {
	e, err := v.openJournal(a.name, k)
	v.mu.Lock()
	defer v.mu.Unlock()
	a.unreadable = nil
	switch {
	case err == nil:
		a.journal = e
	case errors.Is(err, ErrNotFound):
		a.journal = entry{}
	default:
		a.unreadable = fmt.Errorf("account %s: %w", a.name, err)
	}
	return e, err
}

func (v *Vault) openJournal(account string, k *sealKey) (entry, error) {
	if k != nil {
		name := journalName(account, k)
		data, err := v.files.read(name)
		if err == nil {
			return decodeJournal(data, account, k, name)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return entry{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	names, err := v.files.list(journalPrefix + fileName(account) + ".")
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if len(names) == 0 {
		return entry{}, ErrNotFound
	}
	data, err := v.files.read(names[0])
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if _, err := sealedBody(data); errors.Is(err, ErrNewer) {
		return entry{}, fmt.Errorf("%s: %w", names[0], err)
	}
	return entry{}, fmt.Errorf("%s: %w: the keychain does not have the key it was sealed with", names[0], ErrUnreadable)
}

func decodeJournal(data []byte, account string, k *sealKey, name string) (entry, error) {
	plain, err := k.unseal(journalPurpose(account), data)
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w", name, err)
	}
	e, err := decodeRecord(string(plain), account)
	if errors.Is(err, ErrCorrupt) {
		return entry{}, fmt.Errorf("%s: %w: %w", name, ErrUnreadable, err)
	}
	return e, err
}

// writeJournal makes e durable and proves it by reading it back.
func (v *Vault) writeJournal(a *account, k *sealKey, e entry) error {
	name := journalName(a.name, k)
	data := k.seal(journalPurpose(a.name), []byte(e.raw))
	if err := v.files.write(name, data); err != nil {
		return fmt.Errorf("%w (the record before it is kept)", err)
	}
	reached("journal-written")
	back, err := v.files.read(name)
	if err != nil {
		return fmt.Errorf("read the journal back: %w", err)
	}
	if !bytes.Equal(back, data) {
		return fmt.Errorf("read the journal back: %w: it is not what was written", ErrUnreadable)
	}
	reached("journal-read-back")
	v.mu.Lock()
	defer v.mu.Unlock()
	a.journal = e
	return nil
}
