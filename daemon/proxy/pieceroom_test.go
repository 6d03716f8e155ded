package proxy

import (
	"testing"
	"testing/synctest"
	"time"
)

// A body that comes fast gets large pieces, one that is played keeps small ones.
func TestPieceRoom(t *testing.T) {
	for _, c := range []struct {
		desc  string
		size  int
		every time.Duration
		large bool
	}{
		{"fast", smallPiece, time.Millisecond, true},
		{"as fast as it is played", smallPiece, time.Second, false},
		{"at 10 Mbit/s", smallPiece, 13 * time.Millisecond, false},
		{"small pieces, fast", smallPiece / 2, time.Millisecond, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r pieceRoom
				for range 100 {
					if len(r.next()) < c.size {
						t.Fatal("no room")
					}
					time.Sleep(c.every)
					r.passed(c.size)
				}
				if large := len(r.next()) == largePiece; large != c.large {
					t.Errorf("large: %v", large)
				}
				r.release()
				if r.few != nil || r.many != nil {
					t.Error("something is kept")
				}
			})
		})
	}
}
