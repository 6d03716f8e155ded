package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const (
	// wanSlower is how many ms Shelfkeeper may add where it gains nothing.
	wanSlower = 3
	// wanTrip is a round trip, less what a measurement is off by.
	wanTrip = 38
)

// wanGoals compares Shelfkeeper with the client that asks directly, for each case and
// upstream.
func wanGoals(rows []wanRow) (goals []goal) {
	of := func(via, upstream, name string) *wanRow {
		i := slices.IndexFunc(rows, func(r wanRow) bool { return r.Via == via && r.Upstream == upstream && r.Case == name })
		if i < 0 {
			return nil
		}
		return &rows[i]
	}
	for _, ours := range rows {
		direct := of("direct", ours.Upstream, ours.Case)
		if ours.Via != "shelfkeeper" || direct == nil {
			continue
		}
		name := ours.Case + " " + ours.Upstream
		most := float64(wanSlower)
		switch {
		case ours.Case == "first-token":
			most += 2 * lineDelay.Seconds() * 1000
		case gone(ours):
			most = -wanTrip
		}
		slower := ours.P50 - direct.P50
		goals = append(goals, goal{name + ": ms slower than direct", slower, most, slower <= most})
		if strings.HasPrefix(ours.Case, "page") && ours.Upstream != "nginx-h2" {
			share := ours.P50 / direct.P50
			goals = append(goals, goal{name + ": of direct's time", share, 0.8, share <= 0.8})
		}
		share := float64(ours.Bytes) / float64(direct.Bytes)
		goals = append(goals, goal{name + ": of direct's bytes", share, 1, share <= 1})
	}
	return goals
}

// gone reports whether a browser's connection has been closed by the end of the pause:
// the server itself keeps one for 5 s, nginx for 75 s.
func gone(r wanRow) bool {
	return r.Case == "first-10min" || r.Upstream == "node" && (r.Case == "first-10s" || r.Case == "first-60s")
}

// Measures of the picture, in its own units.
const (
	wanBarName   = 235
	wanBarHeight = 13
	wanBarRoom   = 470
)

var wanColours = map[string]string{"direct": "#57606a", "caddy": "#b8bfc6", "nginx": "#8c959f", "shelfkeeper": "#2f7d5b"}

// drawWan draws a bar for the median of each row, each group with a scale of its own.
func drawWan(rows []wanRow) []byte {
	type group struct {
		name string
		rows []wanRow
	}
	var groups []group
	for _, r := range rows {
		name := r.Case + ", " + r.Upstream
		i := slices.IndexFunc(groups, func(g group) bool { return g.name == name })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{name: name})
		}
		groups[i].rows = append(groups[i].rows, r)
	}
	height := 40
	for _, g := range groups {
		height += len(g.rows)*wanBarHeight + 10
	}
	width := wanBarName + wanBarRoom + 130
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="DejaVu Sans, sans-serif" font-size="11">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="10" y="20" font-weight="bold" fill="#1b1f24">Median in ms over 40 ms and 20 Mbit/s; `+
		`each group has a scale of its own</text>`+"\n")
	y := 34
	for _, g := range groups {
		most := slices.MaxFunc(g.rows, func(a, b wanRow) int { return int(a.P50*1000) - int(b.P50*1000) }).P50
		fmt.Fprintf(&b, `<text x="10" y="%d" fill="#1b1f24">%s</text>`+"\n", y+11, g.name)
		for _, r := range g.rows {
			long := max(1, r.P50/max(most, 1)*wanBarRoom)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", wanBarName, y+1, long, wanBarHeight-2,
				wanColours[r.Via])
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#1b1f24">%.0f %s</text>`+"\n", wanBarName+long+5, y+11, r.P50, r.Via)
			y += wanBarHeight
		}
		y += 10
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
