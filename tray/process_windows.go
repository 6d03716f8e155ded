package tray

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// ownGroup: on Windows the child has nothing under it that must go with it: the
// browser it may have opened is the user's. It gets no window for a console.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
}

// askToEnd leaves it at the end of the child's standard input, upon which it takes
// its icon away.
func askToEnd(*exec.Cmd) error { return nil }

func killGroup(*exec.Cmd) {}
