package main

import (
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// Each real player plays a short book in real time, with a grant, while the server is
// gone for some seconds and the token ends meanwhile. TestPlayersInAnOutage plays longer
// ones.
func TestPlayersInAShortOutage(t *testing.T) {
	t.Parallel()
	for _, p := range outagePlayers {
		keyringtest.Need(t, p.programs()...)
	}
	const seconds, outage = 8, 4 * time.Second
	s, p, url, grant := signedIn(t, absfake.Config{Large: 44 + seconds*128_000, AccessTTL: 2 * time.Second})
	book := s.Library().Large()
	file := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
	// Slower than they play until all of them play: a busy machine starts some late.
	slow := s.Inject(absfake.Fault{Kind: absfake.Rate, Path: file, Bytes: 40_000})
	var playing sync.WaitGroup
	for _, player := range outagePlayers {
		playing.Go(func() { playThroughOutage(t, player, seconds*time.Second, url+file+"?token="+grant) })
	}
	sent := func(e absfake.Entry) bool { return e.Path == file && !e.Done && e.Bytes > 80_000 }
	for began := time.Now(); s.Ledger().Count(sent) < len(outagePlayers); <-time.After(20 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("only %d players are sent the book", s.Ledger().Count(sent))
		}
	}
	slow()
	s.Inject(absfake.Fault{Kind: absfake.Rate, Path: file, Bytes: 160_000})
	back := s.Inject(absfake.Fault{Kind: absfake.Refuse})
	s.Restart()
	gone := time.Now()
	<-time.After(outage) // the token ends in it, and the players play on
	back()
	playing.Wait()
	after := func(e absfake.Entry) bool { return e.Path == file && e.Time.After(gone.Add(outage)) }
	if n := s.Ledger().Count(after); n < len(outagePlayers) {
		t.Errorf("%d requests for the file after the outage, of %d players", n, len(outagePlayers))
	}
	if n := p.until("the players are done", fresh).Proxy.Unauthorized; n != 0 {
		t.Errorf("%d answers of 401", n)
	}
}
