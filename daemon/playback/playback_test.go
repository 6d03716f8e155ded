package playback

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var three = []Track{{Offset: 0, Duration: 100}, {Offset: 100, Duration: 50}, {Offset: 150, Duration: 10}}

func TestBegin(t *testing.T) {
	for place, want := range map[float64][2]float64{0: {0, 0}, 99: {0, 99}, 100: {1, 0}, 149.5: {1, 49.5}, 155: {2, 5}, 1e6: {2, 1e6 - 150},
		-1: {0, 0}} {
		if n, at := begin(three, place); float64(n) != want[0] || at != want[1] {
			t.Errorf("%v: track %d at %v", place, n, at)
		}
	}
}

// Whatever a player says, the place goes back only to where it was heard after it had
// been at the place where it was to begin; and without a second that was heard there is
// nothing to report.
func TestThePlaceIsNeverMovedByOpening(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Float64Range(0, 160).Draw(t, "start")
		k := newTracker(start, three)
		now := time.Unix(1e9, 0)
		arrived := false
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(-1000, 8000).Draw(t, "passed")) * time.Millisecond)
			if rapid.IntRange(0, 5).Draw(t, "silence") == 0 {
				k.silence()
				continue
			}
			n, at := rapid.IntRange(-1, 3).Draw(t, "track"), rapid.Float64Range(-5, 120).Draw(t, "at")
			if n >= 0 && n < 3 && at >= 0 && three[n].Offset+at >= start-near {
				arrived = true
			}
			k.position(n, at, now)
			switch {
			case !arrived && (k.at != start || k.unsaid != 0):
				t.Fatalf("moved from %v to %v before it was there", start, k.at)
			case k.unsaid == 0 && k.at != start:
				t.Fatalf("moved to %v without a second heard", k.at)
			}
		}
		if !arrived {
			if k.ended(); k.at != start {
				t.Fatal("the end of a file that was not heard is a place")
			}
		}
	})
}

func TestTrackerCountsWhatIsHeard(t *testing.T) {
	k := newTracker(120, three)
	now := time.Unix(1e9, 0)
	step := func(track int, at float64, passed time.Duration) {
		now = now.Add(passed)
		k.position(track, at, now)
	}
	step(0, 0, 0) // it opens at the beginning
	step(0, 1, time.Second)
	if k.at != 120 || k.unsaid != 0 {
		t.Fatalf("%v %v", k.at, k.unsaid)
	}
	step(1, 20, time.Second)
	step(1, 21, time.Second)
	step(1, 22, time.Second)
	if k.at != 122 || k.unsaid != 2*time.Second {
		t.Fatalf("%v %v", k.at, k.unsaid)
	}
	k.said(time.Second)
	k.silence() // the user seeks back
	step(0, 10, time.Second)
	if k.at != 122 {
		t.Fatalf("a seek alone moves the place to %v", k.at)
	}
	step(0, 11, time.Second)
	if k.at != 11 || k.unsaid != 2*time.Second {
		t.Fatalf("%v %v", k.at, k.unsaid)
	}
	step(0, 12, time.Hour) // the machine slept
	if k.unsaid != 2*time.Second {
		t.Fatalf("an hour of sleep was heard: %v", k.unsaid)
	}
	k.ended()
	if k.at != 160 {
		t.Fatalf("the end is at %v", k.at)
	}
}

func TestSplitAndFill(t *testing.T) {
	for line, want := range map[string][]string{
		"mpv": {"mpv"}, ` vlc  --x "a b" `: {"vlc", "--x", "a b"}, `p 'it''s' a\ b ""`: {"p", "its", "a b", ""},
		`p $(reboot) ; | & > x`: {"p", "$(reboot)", ";", "|", "&", ">", "x"}, `p '\'`: {"p", `\`},
	} {
		if got, err := Split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v", line, got, err)
		}
	}
	for _, line := range []string{"", "  ", `p "x`, `p \`, `""`} {
		if got, err := Split(line); err == nil {
			t.Errorf("%q: %q", line, got)
		}
	}
	const address, title = "http://x/{title}?a=1", `"; rm -rf / {url} --evil`
	for _, c := range []struct{ argv, want []string }{
		{[]string{"vlc"}, []string{"vlc", address}},
		{[]string{"p", "--title={title}", "{url}", "x"}, []string{"p", "--title=" + title, address, "x"}},
		{[]string{"{url}", "--u={url}"}, []string{"{url}", "--u=" + address}},
	} {
		if got := Fill(c.argv, address, title); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q", c.argv, got)
		}
	}
}
