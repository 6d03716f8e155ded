// Shelfkeeper keeps you signed in to Audiobookshelf, for every program on your
// desktop. Each file of this package is one command; README.md has the list.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"shelfkeeper/daemon/handover"
	"shelfkeeper/keychain"
)

func main() {
	// First of all, so that no child inherits it.
	kept, handed, replaced := handover.Inherited()
	passphrase, passphraseErr := keychain.PassphraseFromEnv()
	if !handed.IsEmpty() {
		passphrase, passphraseErr = handed, nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	code := execute(ctx, &env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, passphrase: passphrase, passphraseErr: passphraseErr,
		kept: kept, replaced: replaced}, os.Args[1:])
	stop()
	os.Exit(int(code))
}
