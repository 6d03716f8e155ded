package main

import (
	"bytes"
	"fmt"
	"slices"
)

// eventRecord is the course of one event: when what was up, in seconds from the
// moment from which recovery counts.
type eventRecord struct {
	Event  string  `json:"event"`
	From   float64 `json:"from_s"`
	To     float64 `json:"to_s"`
	Tracks []track `json:"lanes"`
}

// track is one thing that is up or down.
type track struct {
	Name  string `json:"name"`
	Spans []span `json:"up"`
}

// span is a time in which it was up.
type span struct {
	From float64 `json:"from_s"`
	To   float64 `json:"to_s"`
}

// spansOf turns moments of being seen alive into spans: what is not seen for
// longer than patience was not up.
func spansOf(seen []float64, patience float64) (spans []span) {
	slices.Sort(seen)
	for _, at := range seen {
		if n := len(spans); n > 0 && at-spans[n-1].To <= patience {
			spans[n-1].To = at
			continue
		}
		spans = append(spans, span{at, at})
	}
	return spans
}

// Measures of the picture, in its own units.
const (
	pictureWidth = 860
	laneName     = 245
	trackHeight  = 22
	panelHead    = 34
)

// drawTimeline draws the events below each other.
func drawTimeline(records []eventRecord) []byte {
	height := 0
	for _, r := range records {
		height += panelHead + trackHeight*len(r.Tracks) + 26
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="DejaVu Sans, sans-serif" font-size="12">`+"\n", pictureWidth, height, pictureWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", pictureWidth, height)
	y := 0
	for _, r := range records {
		scale := float64(pictureWidth-laneName-20) / (r.To - r.From)
		x := func(at float64) float64 { return laneName + (min(max(at, r.From), r.To)-r.From)*scale }
		fmt.Fprintf(&b, `<text x="10" y="%d" font-weight="bold" fill="#1b1f24">%s</text>`+"\n", y+22, r.Event)
		top := y + panelHead
		for i, l := range r.Tracks {
			line := top + i*trackHeight
			fmt.Fprintf(&b, `<text x="10" y="%d" fill="#1b1f24">%s</text>`+"\n", line+14, l.Name)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="12" fill="#f4d9d6"/>`+"\n", laneName, line+4, pictureWidth-laneName-20)
			for _, s := range l.Spans {
				if s.To < r.From || s.From > r.To {
					continue
				}
				fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="12" fill="#2f7d5b"/>`+"\n", x(s.From), line+4, max(1, x(s.To)-x(s.From)))
			}
		}
		bottom := top + trackHeight*len(r.Tracks)
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#1b1f24" stroke-dasharray="3 3"/>`+"\n", x(0), top, x(0), bottom)
		for at := int(r.From/5) * 5; float64(at) <= r.To; at += 5 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#57606a" font-size="10" text-anchor="middle">%d s</text>`+"\n",
				x(float64(at)), bottom+12, at)
		}
		y = bottom + 26
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
