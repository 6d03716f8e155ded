package keychain

import (
	"os"
	"strings"

	"shelfkeeper/daemon/redact"
)

// The variables that carry the passphrase of a File vault, or the name of a file
// that holds it on its first line (systemd's LoadCredential, for instance).
const (
	passphraseVariable     = "SHELFKEEPER_PASSPHRASE"
	passphraseFileVariable = "SHELFKEEPER_PASSPHRASE_FILE"
)

// PassphraseFromEnv returns the passphrase that the environment provides, and
// removes both variables at once so that no child inherits them. Call it first
// in main: the start-up environment stays visible in /proc to the same user, but
// nothing started later copies it. ok is false when there is none or its file
// cannot be read; a file that cannot be read leaves its variable in place, so
// that the error can name it.
func PassphraseFromEnv() (passphrase redact.Secret, ok bool) {
	if text, there := os.LookupEnv(passphraseVariable); there {
		_ = os.Unsetenv(passphraseVariable)
		_ = os.Unsetenv(passphraseFileVariable)
		return redact.New(text), text != ""
	}
	path := os.Getenv(passphraseFileVariable)
	if path == "" {
		return redact.Secret{}, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return redact.Secret{}, false
	}
	_ = os.Unsetenv(passphraseFileVariable)
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	return redact.New(line), line != ""
}

// passphraseRemedy says what to do when there is no passphrase.
func passphraseRemedy() string {
	if path := os.Getenv(passphraseFileVariable); path != "" {
		return passphraseFileVariable + " names " + path + ", which cannot be read"
	}
	return "set " + passphraseFileVariable + " or " + passphraseVariable
}
