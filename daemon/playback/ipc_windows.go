package playback

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os/exec"
	"time"

	"github.com/Microsoft/go-winio"
)

// pipeWait is how long a player may take to open its pipe.
const pipeWait = 10 * time.Second

// startWithIPC starts a player with a named pipe that nobody can guess.
func startWithIPC(cmd *exec.Cmd) (io.ReadWriteCloser, error) {
	name := `\\.\pipe\shelfkeeper-play-` + rand.Text()
	cmd.Args = append([]string{cmd.Args[0], "--input-ipc-server=" + name}, cmd.Args[1:]...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pipeWait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := winio.DialPipeContext(ctx, name)
		if err == nil {
			return conn, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
		}
	}
}
