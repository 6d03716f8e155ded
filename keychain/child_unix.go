//go:build unix

package keychain

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// group is the process group of a child: the keychain library may start
// programs of its own (/usr/bin/security on macOS).
type group struct{}

func newGroup(cmd *exec.Cmd) group {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	return group{}
}

func (group) add(*os.Process) {}
func (group) close()          {}

// kill is called before the child is waited for, so its id is still its own.
func (group) kill(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
