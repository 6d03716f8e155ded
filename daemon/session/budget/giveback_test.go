package budget

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
)

// A request on a connection that was not dialled yet costs nothing if it has surely not
// left this machine; any other does.
func TestWhatWasNotSentIsNotSpent(t *testing.T) {
	unwritten := &absapi.Error{Verdict: absapi.Temporary, Unwritten: true}
	for _, c := range []struct {
		desc string
		of   func(*Budget) *Budget
		ask  error
		free bool
	}{
		{"not written", (*Budget).Returning, unwritten, true},
		{"not written, elsewhere", (*Budget).Background, unwritten, false},
		{"unanswered", (*Budget).Returning, &absapi.Error{Verdict: absapi.Temporary}, false},
		{"refused", (*Budget).Returning, &absapi.Error{Verdict: absapi.RefreshInvalid, Status: 401}, false},
		{"answered", (*Budget).Returning, nil, false},
	} {
		for _, path := range []string{"", filepath.Join(t.TempDir(), "budget")} {
			b := New(path)
			for range 4 { // others of this account stay
				if wait, err := b.Take(time.Now()); wait > 0 || err != nil {
					t.Fatal(wait, err)
				}
			}
			_, _ = Spend(t.Context(), c.of(b), With(nil), func(context.Context, *absapi.Client) (absapi.Answer, error) {
				return absapi.Answer{}, c.ask
			})
			free := b.Room(time.Now(), defaultLimit/4-4)
			if free != c.free || !b.Room(time.Now(), defaultLimit/4-5) {
				t.Errorf("%s, file %q: costs nothing: %v", c.desc, path, free)
			}
		}
	}
}

// RoomIn is when so many requests fit, and no sooner.
func TestRoomIn(t *testing.T) {
	b := New("")
	now := time.Now()
	for i := range 10 {
		if wait, err := b.Take(now.Add(time.Duration(i) * time.Second)); wait > 0 || err != nil {
			t.Fatal(wait, err)
		}
	}
	now = now.Add(10 * time.Second)
	for n, want := range map[int]time.Duration{1: -10, 2: -9, 4: -7, 10: -1} {
		wait := b.RoomIn(now, n)
		if wait != defaultWindow+inFlight+want*time.Second || b.Room(now.Add(wait-time.Second), n) || !b.Room(now.Add(wait), n) {
			t.Errorf("room for %d in %v", n, wait)
		}
	}
	if b.RoomIn(now.Add(24*time.Hour), 11) == 0 {
		t.Error("room for more than our share")
	}
}
