package keychain

import (
	"context"
	"errors"
	"os/exec"

	"github.com/zalando/go-keyring"
)

// classifyPlatform goes by the exit status of /usr/bin/security.
func classifyPlatform(err error) opCode {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return opAbsent
	}
	return securityStatus(exit.ExitCode())
}

// missing says what is missing when go-keyring says that the item is: it goes by the
// words "could not be found", which stand in the messages of a missing keychain, too.
func missing(ctx context.Context, op callOp) error {
	err := exec.CommandContext(ctx, "/usr/bin/security", "find-generic-password", "-s", op.Service, "-a", op.Item).Run()
	if err == nil || classifyPlatform(err) == opNotFound {
		return keyring.ErrNotFound // nil: it came this moment
	}
	return err
}
