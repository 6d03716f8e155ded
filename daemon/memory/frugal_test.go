package memory

import (
	"runtime/debug"
	"testing"
)

// The smallest percentage counts, and in the end all is as it was.
func TestFrugal(t *testing.T) {
	is := func(want int) {
		t.Helper()
		percent := debug.SetGCPercent(1)
		debug.SetGCPercent(percent)
		if percent != want {
			t.Errorf("is %d, want %d", percent, want)
		}
	}
	normal := debug.SetGCPercent(90)
	defer debug.SetGCPercent(normal)
	streams := Frugal(40)
	is(40)
	body := Frugal(20)
	is(20)
	other := Frugal(40)
	is(20)
	streams()
	streams() // a second call does nothing
	is(20)
	body()
	is(40)
	other()
	is(90)
}
