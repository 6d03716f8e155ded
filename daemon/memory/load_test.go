package memory

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A load gives back once, when it is over and the process is large; never while somebody
// works, and no timer runs afterwards.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Int32
		var large atomic.Bool
		large.Store(true)
		l := NewLoad()
		l.large, l.give = large.Load, func() { given.Add(1) }
		rests := func(d time.Duration, want int32) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if given.Load() != want {
				t.Fatalf("gave back %d times, want %d", given.Load(), want)
			}
		}
		for range 100 { // one request after the other
			l.Begin()
			time.Sleep(50 * time.Millisecond)
			l.End()
		}
		rests(loadOver-time.Second, 0)
		rests(2*time.Second, 1)
		rests(time.Hour, 1)
		if l.set.Load() {
			t.Error("a timer runs although nobody has worked")
		}

		l.Begin() // a stream, and requests beside it
		for range 5 {
			l.Begin()
			time.Sleep(loadOver + time.Second)
			l.End()
		}
		rests(time.Hour, 1)
		l.End()
		rests(loadOver+time.Second, 2)

		l.Begin() // a stream begins soon after a request
		l.End()
		l.Begin()
		rests(time.Hour, 2)
		l.End()
		rests(loadOver+time.Second, 3)

		large.Store(false)
		l.Begin()
		l.End()
		rests(time.Hour, 3)

		large.Store(true)
		l.Begin()
		l.End()
		l.Close()
		rests(time.Hour, 3)
		l.Begin()
		l.End()
		rests(time.Hour, 3)
		l = NewLoad()
		l.large, l.give = large.Load, func() { given.Add(1) }
		l.Close()
		l.Begin()
		l.End()
		rests(time.Hour, 3)
	})
}

// The size of this process is known.
func TestResident(t *testing.T) {
	if n := resident(); n < 1<<20 || n > 1<<34 {
		t.Errorf("%d bytes", n)
	}
}
