package memory

import (
	"runtime/debug"
	"slices"
	"sync"
)

// frugality is what was asked for, over all of the process.
var frugality struct {
	mu     sync.Mutex
	asked  []int
	normal int // what the collector is set to while nobody asks
}

// Frugal bounds the garbage that may lie beside what is in use, in percent of that, until
// end is called. Of several that ask the smallest percentage counts. The collector works
// the harder for it.
func Frugal(percent int) (end func()) {
	frugality.mu.Lock()
	defer frugality.mu.Unlock()
	before := append([]int(nil), frugality.asked...)
	frugality.asked = append(frugality.asked, percent)
	applyFrugality(before)
	return sync.OnceFunc(func() {
		frugality.mu.Lock()
		defer frugality.mu.Unlock()
		before := append([]int(nil), frugality.asked...)
		i := slices.Index(frugality.asked, percent)
		frugality.asked = slices.Delete(frugality.asked, i, i+1)
		applyFrugality(before)
	})
}

// applyFrugality sets the collector, which stops the process for a moment, where that changes
// anything.
func applyFrugality(before []int) {
	asked := frugality.asked
	switch {
	case len(before) == 0:
		frugality.normal = debug.SetGCPercent(asked[0])
	case len(asked) == 0:
		debug.SetGCPercent(frugality.normal)
	case slices.Min(asked) != slices.Min(before):
		debug.SetGCPercent(slices.Min(asked))
	}
}
