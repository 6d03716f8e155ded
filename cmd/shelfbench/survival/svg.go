package survival

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
)

// Measures of the picture, in pixels.
const (
	pictureWidth = 860
	marginLeft   = 16
	headHeight   = 58
	panelHeight  = 176
	barsHeight   = 96 // of a panel's highest bar
	barWidth     = 30
	barGap       = 4
)

// colours of the clients, told apart by people who see few colours too
// (Okabe and Ito).
var colours = map[string]string{"native": "#e69f00", "browser": "#56b4e9", "relogin": "#cc79a7", "shelfkeeper": "#009e73"}

// panel is one diagram: a bar for each client and release, of one kind of account.
type panel struct {
	title   string
	account string
	value   func(Row) float64
	// part of value that is drawn as a frame only.
	part func(Row) float64
}

// SVG draws the report. It reads well on light and dark pages.
func (r *Report) SVG() []byte {
	releases := []string{}
	for _, row := range r.Rows {
		if !slices.Contains(releases, row.Release) {
			releases = append(releases, row.Release)
		}
	}
	perRun := func(n int, row Row) float64 { return float64(n) / float64(max(1, row.Runs)) }
	panels := []panel{
		{
			title:   "Account with a password: the user had to sign in by hand, times",
			account: Password, value: func(w Row) float64 { return perRun(w.SignIns+w.SignInsCertain, w) },
		},
		{
			title:   "Account with a password: the client sent it, times (framed: after rotations that were truly lost on the way)",
			account: Password, value: func(w Row) float64 { return perRun(w.PasswordLogins, w) },
			part: func(w Row) float64 { return perRun(min(w.RotationsLost+w.LossesCertain, w.PasswordLogins), w) },
		},
		{
			title:   "OpenID account: the user had to sign in by hand, times (framed: because of crashes and sleeps inside a rotation)",
			account: OpenID, value: func(w Row) float64 { return perRun(w.SignIns+w.SignInsCertain, w) },
			part: func(w Row) float64 { return perRun(w.SignInsCertain, w) },
		},
		{
			title:   "Requests of players that failed although the server was reachable, in 1,000",
			account: Password, value: func(w Row) float64 {
				return 1000 * float64(w.Player401+w.PlayerErrors) / float64(max(1, w.PlayerRequests))
			},
		},
		{
			title:   "First requests after a pause: what 95 in 100 of those served waited at most, ms",
			account: Password, value: func(w Row) float64 { return float64(w.WaitP95) },
		},
	}
	var b bytes.Buffer
	height := headHeight + len(panels)*panelHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="system-ui,sans-serif" font-size="12" role="img" aria-label="What becomes of a session, by client and release">`+"\n",
		pictureWidth, height, pictureWidth, height)
	b.WriteString(`<style>.page{fill:#fff}text{fill:#1f2328}.line{stroke:#8c959f}.head{font-weight:600}` +
		`@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}}</style>` + "\n")
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", pictureWidth, height)
	fmt.Fprintf(&b, `<text class="head" x="%d" y="22" font-size="14">%d weeks of bad luck, mean of %d runs</text>`+"\n",
		marginLeft, r.Weeks, len(r.Seeds))
	for i, name := range Clients {
		x := marginLeft + i*130
		fmt.Fprintf(&b, `<rect x="%d" y="34" width="12" height="12" fill="%s"/><text x="%d" y="44">%s</text>`+"\n", x, colours[name], x+18, name)
	}
	for i, p := range panels {
		r.draw(&b, p, headHeight+i*panelHeight, releases)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// draw draws one panel, whose top is at y.
func (r *Report) draw(b *bytes.Buffer, p panel, y int, releases []string) {
	most := 0.0
	for _, row := range r.Rows {
		if row.Account == p.account {
			most = math.Max(most, p.value(row))
		}
	}
	base := y + 38 + barsHeight
	fmt.Fprintf(b, `<text class="head" x="%d" y="%d">%s</text>`+"\n", marginLeft, y+14, html.EscapeString(p.title))
	fmt.Fprintf(b, `<path class="line" d="M%d %d.5H%d"/>`+"\n", marginLeft, base, pictureWidth-marginLeft)
	group := (pictureWidth - 2*marginLeft) / max(1, len(releases))
	for i, release := range releases {
		left := marginLeft + i*group + (group-len(Clients)*(barWidth+barGap))/2
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n",
			left+len(Clients)*(barWidth+barGap)/2, base+16, html.EscapeString(release))
		for j, name := range Clients {
			row, ok := r.Row(name, p.account, release)
			if !ok {
				continue
			}
			x, v := left+j*(barWidth+barGap), p.value(row)
			tall := scaled(v, most)
			framed := 0.0
			if p.part != nil {
				framed = math.Min(tall, scaled(p.part(row), most))
			}
			fmt.Fprintf(b, `<rect x="%d" y="%.1f" width="%d" height="%.1f" fill="%s"/>`, x, float64(base)-tall, barWidth, tall-framed, colours[name])
			if framed > 1 {
				fmt.Fprintf(b, `<rect x="%d.5" y="%.1f" width="%d" height="%.1f" fill="%s" fill-opacity=".25" stroke="%s"/>`,
					x, float64(base)-framed, barWidth-1, framed, colours[name], colours[name])
			}
			fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="middle" font-size="11">%s</text>`+"\n", x+barWidth/2, float64(base)-tall-4, short(v))
		}
	}
}

func scaled(v, most float64) float64 {
	if most == 0 {
		return 0
	}
	return v / most * barsHeight
}

// short writes a figure as a label.
func short(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
