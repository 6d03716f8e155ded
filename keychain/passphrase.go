package keychain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"shelfkeeper/daemon/redact"
)

// The variables that carry the passphrase of a File vault, or the name of a file
// that holds it on its first line (systemd's LoadCredential, for instance).
const (
	passphraseVariable     = "SHELFKEEPER_PASSPHRASE"
	passphraseFileVariable = "SHELFKEEPER_PASSPHRASE_FILE"
)

// maxPassphrase bounds what is read of that file.
const maxPassphrase = 4 << 10

// PassphraseFromEnv returns the passphrase that the environment provides, empty
// for none, and removes both variables at once so that no child inherits them.
// Call it first in main: the start-up environment stays visible in /proc to the
// same user, but nothing started later copies it. The error wraps ErrPassphrase
// and names the file that should hold the passphrase and does not.
func PassphraseFromEnv() (redact.Secret, error) {
	text, path := os.Getenv(passphraseVariable), os.Getenv(passphraseFileVariable)
	_ = os.Unsetenv(passphraseVariable)
	_ = os.Unsetenv(passphraseFileVariable)
	if text != "" || path == "" {
		return redact.New(text), nil
	}
	p, err := readPassphrase(path)
	if err != nil {
		return p, fmt.Errorf("%w: %s: %w", ErrPassphrase, passphraseFileVariable, err)
	}
	return p, nil
}

func readPassphrase(path string) (redact.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return redact.Secret{}, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return redact.Secret{}, fmt.Errorf("%s is a directory", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPassphrase+1))
	if err != nil {
		return redact.Secret{}, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case line == "" && len(data) == 0:
		return redact.Secret{}, fmt.Errorf("%s is empty", path)
	case line == "":
		return redact.Secret{}, fmt.Errorf("the first line of %s is empty", path)
	case len(line) > maxPassphrase:
		return redact.Secret{}, fmt.Errorf("the first line of %s has more than %d bytes", path, maxPassphrase)
	}
	return redact.New(line), nil
}

// WrongPassphrase remembers the passphrase that failed last, so that it is not
// tried again: each try costs a second and a quarter of a gigabyte. The zero
// value remembers none; it is safe for concurrent use.
type WrongPassphrase struct {
	mu       sync.Mutex
	known    bool
	sealed   [sha256.Size]byte // what it did not open
	rejected redact.Secret
	tried    int // how many were tried in vain
}

func (w *WrongPassphrase) is(sealed []byte, passphrase redact.Secret) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known && w.sealed == sha256.Sum256(sealed) && w.rejected == passphrase
}

func (w *WrongPassphrase) remember(sealed []byte, passphrase redact.Secret, err error) {
	if w == nil || !errors.Is(err, ErrPassphrase) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.sealed, w.rejected = true, sha256.Sum256(sealed), passphrase
	w.tried++
}
