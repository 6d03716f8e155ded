//go:build !linux

package netmon

import (
	"context"
	"errors"
	"time"
)

const (
	// tellsSleep: no clock here is known to tell sleep from a clock that was set.
	tellsSleep = false
	// tickEvery is the longest time in which a jump goes unnoticed.
	tickEvery = 5 * time.Second
)

func readClocks() reading {
	now := time.Now()
	mono := now.Sub(start)
	return reading{wall: now.Round(0), mono: mono, boot: mono}
}

func watchClock(context.Context, func()) error {
	return errors.New("watch the clock: not on this system")
}
