package keychain

import (
	"errors"
	"io/fs"
)

// Remembered returns the backend that the vault in dir has chosen, "" if none
// was chosen yet. It opens nothing and asks for nothing; its errors are
// ErrNewer, ErrUnreadable and the operating system's.
func Remembered(dir string) (Backend, error) {
	v := newVault(nil)
	v.files = &diskFiles{dir: dir}
	return v.remembered()
}

// HasPassphrase reports whether a File vault in dir has its passphrase already.
// Otherwise the one it is opened with will be.
func HasPassphrase(dir string) (bool, error) {
	_, err := diskFiles{dir: dir}.read(identityName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
