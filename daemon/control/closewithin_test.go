package control

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type closer func() error

func (c closer) Close() error { return c() }

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		if err := closeWithin(closer(func() error { return broken }), closeWait); !errors.Is(err, broken) {
			t.Errorf("at once: %v", err)
		}
		if err := closeWithin(closer(func() error { time.Sleep(closeWait - 1); return nil }), closeWait); err != nil {
			t.Errorf("just in time: %v", err)
		}
		ends := make(chan struct{})
		began := time.Now()
		if err := closeWithin(closer(func() error { <-ends; return nil }), closeWait); !errors.Is(err, errStuck) {
			t.Errorf("never: %v", err)
		}
		if waited := time.Since(began); waited != closeWait {
			t.Errorf("waited %v", waited)
		}
		close(ends)
	})
}
