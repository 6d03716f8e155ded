package keychain

import (
	"errors"

	"golang.org/x/sys/windows"
)

// classifyPlatform goes by the error of the credential API. Credentials need a
// logon session with a profile; services and network logons have none.
func classifyPlatform(err error) opCode {
	switch {
	case errors.Is(err, windows.ERROR_NOT_FOUND):
		return opNotFound
	case errors.Is(err, windows.ERROR_NO_SUCH_LOGON_SESSION):
		return opAbsent
	}
	return opDenied
}
