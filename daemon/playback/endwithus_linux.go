package playback

import (
	"os/exec"
	"runtime"
	"syscall"
)

// endWithUs makes the system ask a program to end when this process does. The goroutine
// keeps its thread until release is called: the system watches the thread that started
// the program (prctl(2), PR_SET_PDEATHSIG).
func endWithUs(cmd *exec.Cmd) (release func()) {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return runtime.UnlockOSThread
}
