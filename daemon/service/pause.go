package service

import (
	"context"
	"time"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
)

// pauseTime is how a person reads the end of a pause.
const pauseTime = "Monday 2 January 15:04"

// Pause serves no player for a while, nil: serves them again. The session goes
// on and is renewed. It returns at once.
func (s *Service) Pause(p *accounts.Pause) {
	s.mu.Lock()
	s.pause = p
	s.mu.Unlock()
	s.applyPause()
	select {
	case s.pauseChanged <- struct{}{}:
	default: // the place is taken: whoever looks sees the newest
	}
}

// applyPause makes players' address and health say what holds now, and returns
// when that ends by itself: zero for never.
func (s *Service) applyPause() time.Time {
	s.pausing.Lock()
	defer s.pausing.Unlock()
	s.mu.Lock()
	if s.pause != nil && s.pause.Over(time.Now().Round(0)) {
		s.pause = nil
		s.log.Info("the pause is over")
	}
	p := s.pause
	s.mu.Unlock()
	if p == nil {
		s.proxy.Resume()
		s.board.Clear(&health.AccountPaused)
		return time.Time{}
	}
	words := "until you resume it"
	if !p.Until.IsZero() {
		words = "until " + p.Until.Local().Format(pauseTime)
	}
	s.board.RaiseWith(&health.AccountPaused, words, "run `shelfkeeper resume "+s.account.Name+"` to go on")
	s.proxy.Pause(p.Until, words)
	return p.Until
}

// endPause ends a pause at its time. A timer stands still while the machine
// sleeps, so that Network looks too.
func (s *Service) endPause(ctx context.Context) {
	for {
		until := s.applyPause()
		var due <-chan time.Time
		var timer *time.Timer
		if !until.IsZero() {
			timer = time.NewTimer(time.Until(until.Round(0)))
			due = timer.C
		}
		select {
		case <-due:
		case <-s.pauseChanged:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}
