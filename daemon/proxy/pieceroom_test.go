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
				for range filled/smallPiece + manySmall {
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

// A fast body that is only played from some moment on gets small pieces again.
func TestPieceRoomShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r pieceRoom
		pass := func(every time.Duration) int {
			n := len(r.next())
			time.Sleep(every)
			r.passed(n)
			return n
		}
		for _, c := range []struct {
			every time.Duration
			want  int
		}{{time.Millisecond, largePiece}, {time.Second, smallPiece}, {time.Millisecond, largePiece}, {50 * time.Millisecond, largePiece}} {
			for sum := 0; sum < filled+manySmall*largePiece; {
				sum += pass(c.every)
			}
			if got := len(r.next()); got != c.want {
				t.Errorf("a piece each %v: room for %d, want %d", c.every, got, c.want)
			}
		}
		r.release()
	})
}

// When many bodies are fast at once, the last of them keep small pieces until others end.
func TestPieceRoomsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rooms [mostLarge + 2]pieceRoom
		fill := func(r *pieceRoom) int {
			for sum := 0; sum < filled+manySmall*largePiece; {
				n := len(r.next())
				r.passed(n)
				sum += n
			}
			return len(r.next())
		}
		for i := range rooms {
			want := largePiece
			if i >= mostLarge {
				want = smallPiece
			}
			if got := fill(&rooms[i]); got != want {
				t.Errorf("body %d: room for %d, want %d", i, got, want)
			}
		}
		rooms[0].release()
		if got := fill(&rooms[mostLarge]); got != largePiece {
			t.Errorf("after one has ended: room for %d", got)
		}
		for i := range rooms {
			rooms[i].release()
		}
		if n := grown.Load(); n != 0 {
			t.Errorf("%d are counted", n)
		}
	})
}

// Long answers that are filtered get huge pieces, a few of them at once.
func TestPieceRoomOfLongAnswers(t *testing.T) {
	var rooms [mostHuge + 1]pieceRoom
	for i := range rooms {
		r, want := &rooms[i], hugePiece
		if i == mostHuge {
			want = largePiece
		}
		r.large()
		for range manySmall {
			if n := len(r.next()); n != largePiece {
				t.Fatalf("answer %d: room for %d at once", i, n)
			}
			r.passed(largePiece - 7)
		}
		if n := len(r.next()); n != want {
			t.Errorf("answer %d: room for %d, want %d", i, n, want)
		}
		r.passed(100)
	}
	for i := range rooms {
		rooms[i].release()
		rooms[i].release()
	}
	if n := huge.Load(); n != 0 {
		t.Errorf("%d are counted", n)
	}
}

// A file that is fetched as fast as it comes gets huge pieces, four at once do, and one that
// is played from then on gets small ones.
func TestFetchedFileGetsHugePieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rooms [mostHuge + 1]pieceRoom
		pass := func(r *pieceRoom, every time.Duration) int {
			n := len(r.next())
			time.Sleep(every)
			r.passed(n)
			return n
		}
		for i := range rooms {
			sum := 0
			for sum < filled+fetched {
				n := pass(&rooms[i], time.Millisecond)
				if sum += n; n == hugePiece {
					t.Fatalf("huge pieces after %d bytes", sum)
				}
			}
			for range manySmall {
				pass(&rooms[i], time.Millisecond)
			}
			want := hugePiece
			if i >= mostHuge {
				want = largePiece
			}
			if got := len(rooms[i].next()); got != want {
				t.Errorf("file %d: room for %d, want %d", i, got, want)
			}
		}
		pass(&rooms[0], time.Second)
		if got := len(rooms[0].next()); got != smallPiece {
			t.Errorf("played: room for %d", got)
		}
		for i := range rooms {
			rooms[i].release()
		}
		if grown.Load() != 0 || huge.Load() != 0 {
			t.Errorf("%d and %d are counted", grown.Load(), huge.Load())
		}
	})
}
