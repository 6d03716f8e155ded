//go:build !linux

package netmon

import (
	"context"
	"errors"
	"time"
)

const (
	// detectsSleep is false: no known clock distinguishes sleep from a set clock.
	detectsSleep = false
	// tickInterval is the longest time in which a jump goes unnoticed.
	tickInterval = 5 * time.Second
	calmInterval = tickInterval
)

func readClocks() reading {
	now := time.Now()
	mono := now.Sub(start)
	return reading{wall: now.Round(0), mono: mono, boot: mono}
}

func watchClock(context.Context, func()) error {
	return errors.New("watch the clock: not on this system")
}
