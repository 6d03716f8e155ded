// Package keychain is the crash-safe store of every long-lived secret: the token
// pair, the password, the API key of each account.
//
// It exists because a refresh token is worthless once Audiobookshelf has replaced
// it. The new one must be on disk before anyone uses it. No crash, full disk, locked
// or dying keychain may lose it or bring an older one back.
//
// Begin with Open. Then, for each change, Acquire the account's lock, Load its
// record, Commit the new one, and Settle when there is time; see the example. A
// Vault may be used by several goroutines, and several processes may have the same
// directory open. Errors are wrapped; test them with errors.Is. ErrLocked,
// ErrAbsent, ErrDenied and ErrHanging say nothing about what is stored.
//
// A record carries a generation that only grows. The newest record is first written
// to a journal, a file sealed with a 32-byte key that the keychain keeps. Then it
// is written to one of two keychain items, <account>/a and <account>/b, which
// alternate. Load takes the highest valid generation of the three. Signing out
// writes a tombstone, a record that says "signed out", of the next generation before
// anything is deleted.
//
// The package never raises a keychain prompt unless the caller's context says that
// the user asked (WithPrompt). It never takes "locked" or "no answer" for "empty",
// and never deletes what it cannot read. It never makes a new key while something
// sealed with another one exists, and never changes the backend by itself.
package keychain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"shelfkeeper/daemon/failpoint"
	"shelfkeeper/daemon/redact"
)

// Errors of a vault. All are wrapped with what happened; test with errors.Is.
var (
	// ErrNotFound: everything could be read, and there is no such record. A
	// tombstone counts as not found except for LoadAny.
	ErrNotFound = errors.New("not in the vault")

	// The four conditions of a keychain that cannot be used now. None of them
	// says anything about what it contains.

	// ErrLocked: the keychain is locked and the user was not asked.
	ErrLocked = errors.New("the keychain is locked")
	// ErrAbsent: nobody answers: no session bus, no secrets service, no
	// default collection, or the connection broke in the middle.
	ErrAbsent = errors.New("no keychain is available")
	// ErrDenied: the keychain answered and refused: access denied, prompt
	// dismissed, or an error of its own.
	ErrDenied = errors.New("the keychain refused access")
	// ErrHanging: no answer within the deadline, for instance since a prompt
	// nobody answers is on the screen.
	ErrHanging = errors.New("the keychain does not answer")

	// ErrSlotPending: the journal holds the newest record, the keychain not
	// yet. Nothing is lost; Settle repairs it. It also wraps its cause, which
	// may be one of the conditions.
	ErrSlotPending = errors.New("the keychain copy is behind the journal")
	// ErrNewer: written by a newer version of this program; left untouched.
	ErrNewer = errors.New("written by a newer version")
	// ErrUnreadable: a sealed file is torn or was sealed with another key. It
	// is kept; SetAside moves it out of the way when the user decides so.
	ErrUnreadable = errors.New("sealed file cannot be read")
	// ErrCorrupt: a keychain item is not a record of ours. It is skipped.
	ErrCorrupt = errors.New("keychain item is damaged")
	// ErrStale: a newer generation, another sign-in or a tombstone is stored
	// already.
	ErrStale = errors.New("a newer record is stored already")
	// ErrTooLarge: the record does not fit into every platform's keychain.
	ErrTooLarge = errors.New("record is too large for a keychain")
	// ErrInvalid: the record cannot be stored at all.
	ErrInvalid = errors.New("record is not valid")
	// ErrBackend: the vault in this directory uses another backend.
	ErrBackend = errors.New("the vault uses another backend")
	// ErrPassphrase: the file backend's passphrase is missing or wrong.
	ErrPassphrase = errors.New("the vault's passphrase")
	// ErrClosed: the vault was closed.
	ErrClosed = errors.New("the vault is closed")
)

// Backend names where the items of a vault live.
type Backend string

// The backends. OS is the desktop's keychain, File an age-encrypted directory
// under a passphrase, Memory nothing beyond the process.
const (
	OS     Backend = "os"
	File   Backend = "file"
	Memory Backend = "memory"
)

// Options of Open.
type Options struct {
	// Backend to use. Empty means the one this directory remembers, else OS.
	Backend Backend
	// Dir holds journals, locks and, for File, the items; created with mode
	// 0700 at the first write. Unused by Memory.
	Dir string
	// Passphrase of the File backend; a store that is not there yet is created
	// with it.
	Passphrase redact.Secret
	// Wrong, if not nil, keeps a passphrase that failed from being tried again.
	// Share one between calls of Open.
	Wrong *WrongPassphrase
	// Helper is the command line of a child that calls RunOp, for the OS
	// backend. On Linux pass /proc/self/exe, since the file may be upgraded
	// under a running daemon.
	Helper []string
	// Log gets one line per change of condition. Nil discards.
	Log *slog.Logger
}

// callTimeout bounds one keychain call that raises no prompt. A healthy one
// takes 4 ms; the time is for a secrets service that D-Bus has to start first.
const callTimeout = 5 * time.Second

// promptTimeout bounds one keychain call for which the user was asked: enough
// to find and type a password.
const promptTimeout = 120 * time.Second

type promptKey struct{}

// WithPrompt returns a context under which a keychain call may raise a prompt
// and takes up to two minutes instead of a few seconds. Use it only right
// after the user asked for something.
func WithPrompt(ctx context.Context) context.Context {
	return context.WithValue(ctx, promptKey{}, true)
}

type newKeyringKey struct{}

// WithNewKeyring is WithPrompt for a sign-in: a keychain that has no keyring yet
// may ask the user for a new one. Nothing else makes one: there may be a keyring
// that the service does not show now.
func WithNewKeyring(ctx context.Context) context.Context {
	return context.WithValue(WithPrompt(ctx), newKeyringKey{}, true)
}

func newKeyringAllowed(ctx context.Context) bool {
	allowed, _ := ctx.Value(newKeyringKey{}).(bool)
	return allowed
}

func promptAllowed(ctx context.Context) bool {
	asked, _ := ctx.Value(promptKey{}).(bool)
	return asked
}

func timeoutFor(ctx context.Context) time.Duration {
	if promptAllowed(ctx) {
		return promptTimeout
	}
	return callTimeout
}

// isCondition reports whether err says that the keychain cannot be used now.
func isCondition(err error) bool {
	return errors.Is(err, ErrLocked) || errors.Is(err, ErrAbsent) ||
		errors.Is(err, ErrDenied) || errors.Is(err, ErrHanging)
}

// afterStep, where a test has set it, is called after each step between
// journal, slot write and read-back. Product code never sets it.
var afterStep func(step string)

func reached(step string) {
	if afterStep != nil {
		afterStep(step)
	}
	failpoint.Reached(step)
}
