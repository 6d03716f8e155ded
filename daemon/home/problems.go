package home

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/hostname"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

// StateProblem explains an error of the files in state.
func StateProblem(err error) *problem.Problem {
	remedy := ""
	switch {
	case errors.Is(err, accounts.ErrNewer), errors.Is(err, players.ErrNewer), errors.Is(err, budget.ErrNewer):
		remedy = "start the newer version; nothing was changed"
	case errors.Is(err, accounts.ErrUnreadable), errors.Is(err, players.ErrUnreadable):
		remedy = "repair the file, or move it away and sign in again; nothing was changed"
	case errors.Is(err, config.ErrNoHome):
		remedy = "set HOME"
	default:
		remedy = durable.Remedy(err)
	}
	return problem.New(problem.Config, err, remedy)
}

// vaultProblem explains an error of the vault.
func vaultProblem(err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	remedy := durable.Remedy(err)
	var size *keychain.SizeError
	if errors.As(err, &size) && !size.Password {
		return problem.New(problem.Vault, err,
			"the names of this user and account are too long: ask the server's admin for a shorter user name")
	}
	for _, r := range []struct {
		is     error
		remedy string
	}{
		{keychain.ErrLocked, "unlock the keychain and try again"},
		{keychain.ErrAbsent, "start the desktop's keyring; or keep sessions in a file: `shelfkeeper login URL --store file`, after " +
			"`shelfkeeper logout --forget` " +
			"for an account that the keyring kept"},
		{keychain.ErrDenied, "allow Shelfkeeper in the keychain and try again"},
		{keychain.ErrHanging, "look for the keychain's prompt, answer it and try again"},
		{keychain.ErrPassphrase, "set SHELFKEEPER_PASSPHRASE or SHELFKEEPER_PASSPHRASE_FILE to the vault's passphrase; if it is lost, " +
			"`shelfkeeper logout --forget` forgets the account here"},
		{keychain.ErrNewer, "start the newer version; nothing was changed"},
		{keychain.ErrUnreadable, "the file is kept; if its key is gone for good, run `shelfkeeper logout --forget` and sign in again"},
		{keychain.ErrBackend, "leave out `--store`, or sign out of every account first: `shelfkeeper logout`, or `shelfkeeper logout " +
			"--forget` " +
			"if its keychain is gone"},
		{keychain.ErrTooLarge, "use a shorter password, or sign in with `--no-store-password`"},
	} {
		if errors.Is(err, r.is) {
			remedy = cmp.Or(keychain.Remedy(err), r.remedy)
			break
		}
	}
	return problem.New(problem.Vault, err, remedy)
}

func backendProblem(has, wants keychain.Backend) *problem.Problem {
	return problem.Newf(problem.Vault, fmt.Sprintf("sign out of every account first (`shelfkeeper logout`, or `shelfkeeper logout "+
		"--forget` if that cannot be), "+
		"or leave out `--store %s`", wants),
		"this vault keeps its sessions in %q and never moves them by itself", has)
}

// worded is an error with words of our own for it.
type worded struct {
	text string
	err  error
}

func (w worded) Error() string { return w.text }
func (w worded) Unwrap() error { return w.err }

// serverProblem explains why a server could not be found or would not sign in.
func serverProblem(err error) *problem.Problem { return serverProblemAt("URL", err) }

// serverProblemAt is serverProblem where the server's address is known.
func serverProblemAt(address string, err error) *problem.Problem {
	var found *absapi.DiscoverError
	if errors.As(err, &found) {
		text := found.Evidence
		if found.Address != "" {
			text = hostname.Shown(found.Address) + ": " + found.Evidence
		}
		code := problem.Unreachable
		switch found.Cause {
		case absapi.CauseAddress:
			code = problem.Usage
		case absapi.CauseSettings:
			code = problem.Config
		}
		return problem.New(code, worded{text, found}, health.ForSignIn(hostname.Shown(found.Address), found.Remedy))
	}
	if _, path := durable.CauseOf(err); path != "" && durable.Remedy(err) != "" || errors.Is(err, budget.ErrNewer) {
		return StateProblem(err) // the file that counts requests, not the server
	}
	if errors.Is(err, upstream.ErrPolicy) {
		return problem.New(problem.Config, err, "correct config.toml")
	}
	var answer *absapi.Error
	if !errors.As(err, &answer) {
		return problem.Of(err)
	}
	if p := openIDVerdict(answer); p != nil {
		return p
	}
	switch answer.Verdict {
	case absapi.PasswordRejected:
		return problem.Newf(problem.Rejected, "check both; the server answers a disabled account in the same way",
			"the server refused this user name and password")
	case absapi.NotInitialised:
		return problem.New(problem.Unreachable, answer, "open the server in a browser and create its first user")
	case absapi.PasswordLoginOff:
		return problem.New(problem.Rejected, answer, "sign in with `--oidc`, or ask the server's admin to switch on password sign-in")
	case absapi.MissingRefreshToken:
		return problem.New(problem.Unreachable, answer,
			"update the server to 2.26 or newer, or let the gateway pass the header x-return-tokens, or the server's cookies")
	case absapi.RateLimited:
		if answer.Remedy != "" { // no limit of sign-ins
			break
		}
		return problem.New(problem.Unreachable, answer, "wait "+logbook.Span(answer.RetryAfter)+" and try again")
	}
	if answer.Remedy != "" {
		return problem.New(problem.Unreachable, answer, health.ForSignIn(address, answer.Remedy))
	}
	return problem.New(problem.Unreachable, answer, answeredRemedy(answer.Status))
}

// answeredRemedy says what to do about an answer to a sign-in for which absapi knows no
// remedy; status 0 is no answer.
func answeredRemedy(status int) string {
	if status == 0 {
		return "try again when the server can be reached"
	}
	return "check the reverse proxy or gateway before the server: it must pass requests and answers through unchanged"
}

// sessionProblem explains why a session could not be renewed.
func sessionProblem(err error) *problem.Problem {
	var u *session.Unavailable
	if !errors.As(err, &u) {
		if errors.Is(err, context.DeadlineExceeded) {
			return problem.New(problem.Unreachable, err, "try again")
		}
		return vaultProblem(err)
	}
	code := problem.Unreachable
	switch u.Condition.ID {
	case health.VaultLocked.ID, health.VaultAbsent.ID, health.VaultDenied.ID, health.VaultHanging.ID,
		health.VaultNewer.ID, health.VaultUnreadable.ID, health.VaultPassphrase.ID, health.DiskTrouble.ID, health.DiskBlocks.ID:
		code = problem.Vault
	case health.EmergencyKey.ID:
		code = problem.NeedsUser // a renewal was asked for
	default:
		if u.NeedsUser() {
			code = problem.NeedsUser
		}
	}
	p := problem.New(code, u, u.Remedy())
	p.Condition = u.Condition.ID
	return p
}
