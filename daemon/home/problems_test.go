package home

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"shelfkeeper/daemon/absapi"
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

// An error of a file says what to do about that file, whatever was being done.
func TestProblemsOfFiles(t *testing.T) {
	for code, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "free some space", syscall.EROFS: "read-only", syscall.ENOLCK: "XDG_STATE_HOME",
		syscall.EACCES: "let your user write",
	} {
		err := fmt.Errorf("write: %w", &fs.PathError{Op: "open", Path: "/s/shelfkeeper/x.json", Err: code})
		for name, p := range map[string]*problem.Problem{
			"state": StateProblem(err), "vault": vaultProblem(err), "server": serverProblem(&absapi.Error{Op: "login", Err: err}),
		} {
			if !strings.Contains(p.Remedy, want) || code != syscall.ENOSPC && strings.Contains(p.Remedy, "space") {
				t.Errorf("%v, %s: %+v", code, name, p)
			}
		}
	}
	refused := &absapi.Error{Op: "login", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EACCES)}}
	if p := serverProblem(refused); p.Code != problem.Unreachable {
		t.Errorf("a connection that is refused: %+v", p)
	}
}
