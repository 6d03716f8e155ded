package session

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/session/machine"
)

// A player may ask before the session has started, at the moment at which a daemon begins.
// It is told to ask again, and the session starts as if nobody had asked.
func TestFactsBeforeTheStart(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.s.Close()
		r.s = New(r.s.Config)
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		for range 3 {
			if _, err := r.s.Token(ctx); err == nil {
				r.Error("a token before the start")
			}
		}
		r.s.Wake("test")
		r.s.Reload()
		if n := len(r.s.early); n != 3 {
			r.Errorf("%d facts wait: %v", n, r.s.early)
		}
		r.s.Start()
		synctest.Wait()
		r.mustToken()
		if st := r.snapshot(); st.State != "fresh" {
			r.Errorf("%+v", st)
		}
	})
}

// Facts that come while the session starts are handled after Started, in whatever order
// they come.
func TestFactsDuringTheStart(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		for range 20 {
			r.s.Close()
			r.s = New(r.s.Config)
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				r.s.handle(machine.Needed{})
			}()
			r.s.Start()
			<-asked
			synctest.Wait()
			if st := r.snapshot(); st.State != "fresh" {
				r.Fatalf("%+v", st)
			}
		}
	})
}
