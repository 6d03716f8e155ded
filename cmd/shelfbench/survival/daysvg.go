package survival

import (
	"bytes"
	"fmt"
	"html"
	"time"
)

// Measures of the picture of a day, in pixels.
const (
	dayLeft   = 90
	dayWidth  = 740
	laneTop   = 44
	laneTall  = 30
	laneGap   = 10
	dayHeight = 210
)

var dayLanes = []struct{ name, colour string }{
	{laneRequests, "#56b4e9"}, {laneRenewals, "#009e73"}, {laneSleeps, "#8c959f"}, {laneOther, "#e69f00"},
}

// SVG draws the day: a lane each for requests, renewals, sleeps and the rest.
func (d *Day) SVG() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="system-ui,sans-serif" font-size="12" role="img" aria-label="A day in the life of a session">`+"\n",
		pictureWidth, dayHeight, pictureWidth, dayHeight)
	b.WriteString(`<style>.page{fill:#fff}text{fill:#1f2328}.line{stroke:#8c959f;stroke-opacity:.4}.head{font-weight:600}` +
		`@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}}</style>` + "\n")
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", pictureWidth, dayHeight)
	fmt.Fprintf(&b, `<text class="head" x="%d" y="22" font-size="14">A day with Audiobookshelf %s: %d requests, %d renewals</text>`+"\n",
		marginLeft, html.EscapeString(d.Release), d.Requests, d.Renewals)
	x := func(at time.Duration) float64 { return dayLeft + dayWidth*at.Hours()/24 }
	bottom := laneTop + len(dayLanes)*(laneTall+laneGap)
	for h := 0; h <= 24; h += 3 {
		at := time.Duration(h) * time.Hour
		fmt.Fprintf(&b, `<path class="line" d="M%.1f %dV%d"/><text x="%.1f" y="%d" text-anchor="middle" font-size="11">%s</text>`+"\n",
			x(at), laneTop-6, bottom, x(at), bottom+14, wall(at)[:5])
	}
	for i, lane := range dayLanes {
		y := laneTop + i*(laneTall+laneGap)
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", marginLeft, y+laneTall/2+4, lane.name)
		for _, m := range d.Moments {
			if m.Lane != lane.name {
				continue
			}
			wide := max(2, x(m.At+m.Lasts)-x(m.At))
			fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s %s</title></rect>`+"\n",
				x(m.At), y, wide, laneTall, lane.colour, m.Clock, html.EscapeString(m.Text))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
