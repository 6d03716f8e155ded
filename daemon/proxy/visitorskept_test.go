package proxy

import (
	"testing"
	"time"
)

// A program is news when it comes first, and once an hour while it goes on; one that
// was written down before is none.
func TestVisitsWorthWriting(t *testing.T) {
	var v visitors
	now := time.Now()
	before := visitorKey{agent: "mpv/0.35", scope: "listen"}
	v.remember([]Visitor{{Program: "mpv", Agent: "mpv/0.35", Scope: "listen", Requests: 5, Last: now.Add(-time.Minute)}})
	for _, c := range []struct {
		key  visitorKey
		at   time.Duration
		news bool
	}{
		{before, 0, false}, {before, 58 * time.Minute, false}, {before, 59 * time.Minute, true}, {before, 60 * time.Minute, false},
		{visitorKey{agent: "Kodi/21", scope: "full"}, 0, true}, {visitorKey{agent: "Kodi/21", scope: "full"}, time.Second, false},
	} {
		if _, news := v.count(c.key, now.Add(c.at)); news != c.news {
			t.Errorf("%s after %v: %v", c.key.agent, c.at, news)
		}
	}
	if one := v.list[before]; one.Program != "mpv" || one.Requests != 9 {
		t.Errorf("%+v", one)
	}
}
