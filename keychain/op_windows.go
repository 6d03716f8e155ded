package keychain

import (
	"context"
	"errors"

	"github.com/zalando/go-keyring"
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

// missing says what is missing when go-keyring says that the item is: it goes by the
// number of the error.
func missing(context.Context, callOp) error { return keyring.ErrNotFound }
