package survival

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// chance is a number in [0,1) that seed, moment and purpose fix. Goroutines that
// act in the same instant may draw in any order, and each gets the same number in
// every run.
func (w *world) chance(purpose string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose)) // of a hash, which cannot fail
	return rand.New(rand.NewPCG(w.seed^h.Sum64(), uint64(time.Since(w.began)))).Float64()
}
