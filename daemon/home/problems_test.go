package home

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/session"
	"shelfkeeper/keychain"
)

// Whatever is wrong with the vault has its exit code and a way out.
func TestVaultProblems(t *testing.T) {
	for _, err := range []error{
		keychain.ErrLocked, keychain.ErrAbsent, keychain.ErrDenied, keychain.ErrHanging, keychain.ErrNewer, keychain.ErrUnreadable,
		keychain.ErrBackend, keychain.ErrPassphrase, keychain.ErrTooLarge, syscall.ENOSPC,
	} {
		p := vaultProblem(fmt.Errorf("open vault: %w", err))
		if p.Code != problem.Vault || p.Remedy == "" || !errors.Is(p, err) {
			t.Errorf("%v becomes %+v", err, p)
		}
	}
	own := problem.Newf(problem.NeedsUser, "r", "t")
	if p := vaultProblem(fmt.Errorf("x: %w", own)); p != own {
		t.Errorf("a problem becomes %+v", p)
	}
}

func TestSessionProblems(t *testing.T) {
	for _, c := range []struct {
		condition *health.Condition
		code      problem.Code
	}{
		{&health.VaultLocked, problem.Vault}, {&health.VaultAbsent, problem.Vault}, {&health.VaultDenied, problem.Vault},
		{&health.VaultHanging, problem.Vault},
		{&health.VaultNewer, problem.Vault}, {&health.VaultUnreadable, problem.Vault}, {&health.DiskTrouble, problem.Vault},
		{&health.PasswordRefused, problem.NeedsUser}, {&health.AccountDisabled, problem.NeedsUser},
		{&health.SessionLost, problem.NeedsUser},
		{&health.SignedOut, problem.NeedsUser}, {&health.HeaderEaten, problem.NeedsUser}, {&health.TokenRefused, problem.NeedsUser},
		{&health.ServerUnreachable, problem.Unreachable}, {&health.RateLimited, problem.Unreachable},
		{&health.TokenSuspect, problem.Unreachable},
	} {
		p := sessionProblem(&session.Unavailable{Condition: *c.condition, Detail: "as seen"})
		if p.Code != c.code || p.Remedy != c.condition.Remedy || p.Text != c.condition.Text+": as seen" {
			t.Errorf("%s becomes %+v", c.condition.ID, p)
		}
	}
}
