package main

import (
	"context"
	"fmt"
	"path/filepath"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// askPassphrase returns the passphrase of the file backend: the environment's,
// or what is typed. One that a new vault gets is typed twice, since a mistake in
// it could not be found out before it is too late.
func (e *env) askPassphrase(ctx context.Context, fresh bool) (redact.Secret, error) {
	if e.passphraseErr != nil {
		return redact.Secret{}, problem.New(problem.Vault, e.passphraseErr,
			"correct that file, or unset SHELFKEEPER_PASSPHRASE_FILE to be asked")
	}
	if !e.passphrase.IsEmpty() {
		return e.passphrase, nil
	}
	if _, typing := e.terminal(); !typing && fresh {
		return redact.Secret{}, problem.Newf(problem.Vault,
			"choose one, and set SHELFKEEPER_PASSPHRASE to it, or SHELFKEEPER_PASSPHRASE_FILE to the path of a file that holds it",
			"a new vault needs a passphrase: none in the environment, and no terminal to ask at")
	} else if !typing {
		return redact.Secret{}, fmt.Errorf("%w: none in the environment, and no terminal to ask at", keychain.ErrPassphrase)
	}
	if !fresh {
		p, err := e.secret(ctx, "Passphrase of the vault: ") // not kept: it may be mistyped
		if err != nil {
			return p, unanswered(err)
		}
		return p, nil
	}
	p, err := e.newSecret(ctx, "New passphrase of the vault", "the two passphrases differ, and the vault has none yet")
	if err == nil && p.IsEmpty() {
		err = problem.Newf(problem.Usage, "type one, or keep secrets in the desktop's keychain with `--store os`",
			"the new passphrase is empty")
	}
	return p, err
}

// passphraseFor returns what a running daemon may need for a sign-in, since it may
// have been started without a passphrase: the environment's, or the one that the
// user chooses for a new vault.
func (e *env) passphraseFor(ctx context.Context, client *control.Client, store string) (redact.Secret, error) {
	if _, typing := e.terminal(); store != string(keychain.File) || e.passphraseErr != nil || !e.passphrase.IsEmpty() || !typing {
		return e.passphrase, nil
	}
	paths, err := e.paths()
	if err != nil {
		return redact.Secret{}, err
	}
	known, err := keychain.Remembered(filepath.Join(paths.State, "vault"))
	if err != nil || known != "" || client.Ping(ctx) != nil {
		return redact.Secret{}, nil // the vault, or the one who opens it here, asks by itself
	}
	return e.askPassphrase(ctx, true)
}
