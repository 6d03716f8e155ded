//go:build !linux && !darwin && !windows

package desktop

import "context"

// StayAwake does nothing here: a rotation that a suspend cuts off is resumed
// when the machine wakes up.
func StayAwake(context.Context, string) (done func(), err error) { return func() {}, nil }
