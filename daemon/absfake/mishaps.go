package absfake

import (
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// longestStall is how long a body of Mishaps stops at most: longer than a
	// client that goes on by itself should wait for it.
	longestStall = 40 * time.Second
	// longestSilence is the same for an answer that has not begun.
	longestSilence = 12 * time.Second
)

// Mishaps makes n faults of a download of size bytes from path: each strikes
// one of the first n requests, in order, at a place that r chooses. Every one
// of them is over by itself, and at most two in a row yield nothing for long.
func Mishaps(r *rand.Rand, path string, size int64, n int) []Fault {
	out := make([]Fault, 0, n)
	for i := range n {
		f := Fault{Path: path, Skip: i, Times: 1}
		switch r.IntN(9) {
		case 0:
			f.Kind, f.Bytes = CutBytes, r.Int64N(size)
		case 1:
			f.Kind, f.Bytes, f.After = Stall, 1+r.Int64N(size), upTo(r, longestStall)
		case 2:
			f.Kind, f.After = Stall, upTo(r, longestSilence) // before it is handled
		case 3:
			f.Kind = Refuse
		case 4:
			f.Kind, f.Status = Answer, []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}[r.IntN(3)]
		case 5:
			f.Kind, f.Handled = LoseAnswer, true
		case 6:
			f.Kind = Restart
		case 7:
			f.Kind, f.Bytes = CutBytes, r.Int64N(1+size/64) // soon
		case 8:
			f.Kind, f.After = CutAfter, upTo(r, 3*time.Second)
		}
		out = append(out, f)
	}
	return out
}

func upTo(r *rand.Rand, most time.Duration) time.Duration {
	return 1 + time.Duration(r.Int64N(int64(most)))
}
