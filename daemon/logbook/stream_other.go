//go:build !linux

package logbook

func isStream(statter, string) bool { return false }
