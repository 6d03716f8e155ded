package main

import (
	"net/http"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// cutOff are the moments of a rotation in which a daemon is killed.
var cutOff = []struct {
	desc  string
	fault absfake.Fault
	is    func(*absfake.Ledger) bool
	// rotated says that the server has already replaced the token which the
	// vault holds.
	rotated bool
}{
	{"asked", absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh"}, func(l *absfake.Ledger) bool { return refreshes(l) > 0 }, false},
	{"answered in half", absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Bytes: 100},
		func(l *absfake.Ledger) bool { return len(l.AllRotations()) > 0 }, true},
}

// Killed in the middle of a rotation, started again: still signed in. Where
// the server answers a replaced token for a while, nobody sends a password.
func TestKilledInTheMiddleOfARotation(t *testing.T) {
	for _, release := range absfake.RotatingReleases() {
		for _, at := range cutOff {
			t.Run(string(release)+" "+at.desc, func(t *testing.T) {
				t.Parallel()
				s, p := newServer(t, absfake.Config{Release: release, AccessTTL: 3 * time.Second}), newPlace(t)
				p.login(s)
				p.wanted()
				letGo := s.Inject(at.fault)
				d := p.daemonBegins()
				s.until("the rotation is "+at.desc, at.is)
				d.kill()
				// Else the server might go on with what nobody waits for.
				s.until("the server notices", func(l *absfake.Ledger) bool {
					return l.Count(func(e absfake.Entry) bool { return isRefresh(e) && !e.Done }) == 0
				})
				letGo()

				s.SetAccessTTL(time.Hour) // one renewal follows, which a busy machine does not draw into the next
				p.daemon()
				stillSignedIn(t, p, s, 1)
				want := 1
				if at.rotated && (s.Release() == absfake.R2263 || s.Release() == absfake.R2332) {
					want = 2 // no grace there: the stored password brings the session back
				}
				if n := len(s.Ledger().Logins(user)); n != want {
					t.Errorf("the password was sent %d times, not %d", n, want)
				}
			})
		}
	}
}

// stillSignedIn waits until the session goes on beyond a generation and asks
// as a player.
func stillSignedIn(t *testing.T, p *place, s *server, beyond uint64) health.Account {
	t.Helper()
	a := p.until("the session goes on", func(a health.Account) bool { return fresh(a) && a.Session.Generation > beyond })
	book := s.Library().Tracks()
	resp, body := get(t, a.Proxy.URL+"/api/items/"+book.ID+"/file/"+book.Files[0].Ino)
	if resp.StatusCode != http.StatusOK || int64(len(body)) != book.Files[0].Size {
		t.Errorf("a player got %s, %d bytes", resp.Status, len(body))
	}
	return a
}

// Killed again and again at whatever moment it is in.
func TestKilledOverAndOver(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{AccessTTL: 2 * time.Second}), newPlace(t)
	p.login(s)
	p.wanted()
	generation := uint64(0)
	for round := range 6 {
		d := p.daemonBegins()
		s.until("it asks for a token", func(l *absfake.Ledger) bool { return refreshes(l) > round })
		d.kill()
	}
	s.SetAccessTTL(time.Hour)
	p.daemon()
	generation = stillSignedIn(t, p, s, 1).Session.Generation
	if n := len(s.Ledger().Logins(user)); n != 1 || generation < 2 {
		t.Errorf("the password was sent %d times, generation %d", n, generation)
	}
}
