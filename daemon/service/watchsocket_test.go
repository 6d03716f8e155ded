package service

import (
	"testing"
	"time"

	"shelfkeeper/wsconn"
)

// A socket that a gateway cuts again and again is told of as one thing, also in the
// moments in which it is up, until one has lived longer.
func TestCutEachTime(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		desc  string
		snap  wsconn.Snapshot
		want  string
		until time.Time
	}{
		{"never cut", wsconn.Snapshot{State: wsconn.Authenticated, Since: now}, "", time.Time{}},
		{"cut, waiting", wsconn.Snapshot{State: wsconn.Waiting, Since: now, ShortCut: 5 * time.Second}, "cut after 5 s each time",
			time.Time{}},
		{"up again", wsconn.Snapshot{State: wsconn.Authenticated, Since: now.Add(-4 * time.Second), ShortCut: 5 * time.Second},
			"cut after 5 s each time", now.Add(7 * time.Second)},
		{"up for long", wsconn.Snapshot{State: wsconn.Authenticated, Since: now.Add(-11 * time.Second), ShortCut: 5 * time.Second}, "",
			time.Time{}},
	} {
		if got, until := cutEachTime(c.snap, now); got != c.want || !until.Equal(c.until) {
			t.Errorf("%s: %q until %v", c.desc, got, until)
		}
	}
}
