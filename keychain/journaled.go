package keychain

import (
	"net/url"
	"slices"
	"strings"
)

// Journaled returns the accounts that have a journal in the vault at dir, those
// that were signed out included. It opens nothing and asks for nothing.
func Journaled(dir string) ([]string, error) { return journaled(diskFiles{dir: dir}) }

// Journaled is the function of that name for an open vault.
func (v *Vault) Journaled() ([]string, error) { return journaled(v.files) }

func journaled(f files) (accounts []string, err error) {
	names, err := f.list(journalPrefix)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		stored, _, _ := strings.Cut(strings.TrimPrefix(name, journalPrefix), ".")
		account, err := url.PathUnescape(stored) // the form of fileName
		if err == nil && checkAccount(account) == nil && !slices.Contains(accounts, account) {
			accounts = append(accounts, account)
		}
	}
	return accounts, nil
}
