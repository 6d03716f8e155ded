//go:build !linux

package upstream

import (
	"errors"
	"syscall"
	"time"
)

// hasZeroWindow is false: TCP_RXT_CONNDROPTIME and TCP_MAXRT count retransmissions
// alone, and other systems have no such timeout.
const hasZeroWindow = false

func sendQueue(syscall.RawConn) (unsent, unconfirmed bool, err error) {
	return false, false, errors.ErrUnsupported
}

func setUserTimeout(syscall.RawConn, time.Duration) error { return errors.ErrUnsupported }
