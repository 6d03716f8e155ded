//go:build unix

package playback

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// startWithIPC starts a player with one end of a pair of sockets. The player quits when
// the other end is closed, so it never outlives this process, however that ends.
func startWithIPC(cmd *exec.Cmd) (io.ReadWriteCloser, error) {
	syscall.ForkLock.RLock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("a connection to the player: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "player"), os.NewFile(uintptr(pair[1]), "player")
	defer theirs.Close()
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("a connection to the player: %w", err)
	}
	cmd.ExtraFiles = []*os.File{theirs} // number 3 there
	cmd.Args = append([]string{cmd.Args[0], "--input-ipc-client=fd://3"}, cmd.Args[1:]...)
	if err := cmd.Start(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
