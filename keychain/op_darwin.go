package keychain

import (
	"errors"
	"os/exec"
)

// classifyPlatform goes by the exit status of /usr/bin/security, which is the
// low byte of the Security framework's OSStatus.
func classifyPlatform(err error) opCode {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return opAbsent
	}
	switch exit.ExitCode() {
	case 36: // errSecInteractionNotAllowed, -25308: locked, and no session to ask in
		return opLocked
	case 44: // errSecItemNotFound, -25300
		return opNotFound
	case 37: // errSecNoDefaultKeychain, -25307
		return opAbsent
	}
	return opDenied // 51 errSecAuthFailed, 128 errSecUserCanceled and the rest
}
