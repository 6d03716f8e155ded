package home

import "time"

const (
	// morning is the hour at which a pause until tomorrow ends, and nightEnds the
	// one before which tomorrow is the morning of the same date.
	morning   = 6
	nightEnds = 3
)

// Tomorrow is the morning after now: in the small hours that of the same date.
func Tomorrow(now time.Time) time.Time {
	day := now.Day() + 1
	if now.Hour() < nightEnds {
		day--
	}
	return time.Date(now.Year(), now.Month(), day, morning, 0, 0, 0, now.Location())
}
