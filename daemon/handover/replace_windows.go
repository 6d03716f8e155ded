package handover

import (
	"fmt"
	"os"
	"os/exec"

	"shelfkeeper/daemon/redact"
)

// Replace starts another program, which goes on when this one has ended. Windows
// cannot run it in the place of this process, so nothing is handed over: addresses
// refuse connections until the program listens, and a passphrase is asked for. It
// returns nil when the program runs.
func (s *Sockets) Replace(program string, argv, env []string, _ redact.Secret) error {
	if err := s.Drop(); err != nil {
		return err
	}
	next := exec.Command(program, argv[1:]...)
	next.Env, next.Stdin, next.Stdout, next.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	if err := next.Start(); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return next.Process.Release() // it outlives this one
}

// Inherited returns nothing: no program leaves anything here.
func Inherited() (s *Sockets, passphrase redact.Secret, replaced bool) {
	return &Sockets{}, redact.Secret{}, false
}
