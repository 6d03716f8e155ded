package desktop

import "errors"

// ErrGoingDown: the machine is about to sleep or to be shut down.
var ErrGoingDown = errors.New("the machine is about to sleep or to be shut down")
