package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
)

func TestSpans(t *testing.T) {
	got := spansOf([]float64{3, 1, 1.5, 9, 2, 9.5}, 1)
	if want := []span{{1, 3}, {9, 9.5}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// The picture is drawn from the run's JSON and is well-formed.
func TestTimelineIsDrawn(t *testing.T) {
	raw := `[{"event":"handoff","from_s":-5,"to_s":30,` +
		`"lanes":[{"name":"path","up":[{"from_s":-5,"to_s":-0.1},{"from_s":0,"to_s":99}]},{"name":"none","up":null}]}]`
	var records []eventRecord
	if err := json.Unmarshal([]byte(raw), &records); err != nil {
		t.Fatal(err)
	}
	picture := drawTimeline(records)
	d := xml.NewDecoder(bytes.NewReader(picture))
	n := 0
	for {
		token, err := d.Token()
		if token == nil {
			if err.Error() != "EOF" {
				t.Error(err)
			}
			break
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			n++
		}
	}
	if n != 5 { // the ground, two tracks, two spans
		t.Errorf("%d rectangles in\n%s", n, picture)
	}
	if !strings.Contains(string(picture), ">handoff<") {
		t.Error("the event is not named")
	}
}
