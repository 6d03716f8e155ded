package assets

import (
	"fmt"
	"math"
	"strings"
)

// The classes are those of Breeze's icons, which Plasma paints in the colours of
// what an icon lies on; the colours are for programs that do not.
const symbolicHead = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16"><defs>` +
	`<style type="text/css" id="current-color-scheme">.ColorScheme-Text{color:#232629}.ColorScheme-NegativeText{color:#da4453}` +
	`.ColorScheme-NeutralText{color:#f67400}.ColorScheme-Highlight{color:#3daee9}</style></defs>`

// Symbolic returns the icon of a mark as an SVG file whose colours the desktop
// chooses. It keeps to what every small SVG library draws: paths, without masks.
// Hence a badge lies beside the books and not before them, and its sign is a
// hole.
func Symbolic(m Mark) []byte {
	var b strings.Builder
	b.WriteString(symbolicHead)
	paint := func(class, more, path string) {
		fmt.Fprintf(&b, `<path class="ColorScheme-%s" fill="currentColor"%s fill-rule="evenodd" d="%s"/>`, class, more, path)
	}
	const faint = ` opacity="0.6"`
	few := rectPath(0.5, 1, 3, 3) + rectPath(0.5, 4, 3, 12) + rectPath(4, 3, 6.5, 5) + rectPath(4, 6, 6.5, 12) + rectPath(0.5, 13, 6.5, 15)
	switch m {
	case OK:
		paint("Text", "", symbolicBooks())
	case Degraded:
		paint("Text", "", few)
		paint("NeutralText", "", "M11.5 5.5L16 15H7Z"+rectPath(10.8, 9, 12.2, 12)+rectPath(10.8, 12.8, 12.2, 14.2))
	case Offline:
		paint("Text", ` opacity="0.4"`, symbolicBooks())
		paint("Text", "", "M1 1.9L1.9 1L15 14.1L14.1 15Z")
	case Paused:
		paint("Text", faint, few)
		paint("Highlight", "", rectPath(8, 7, 11, 15)+rectPath(12.5, 7, 15.5, 15))
	case Working:
		paint("Text", "", few)
		paint("Highlight", "", "M11.5 6A4.5 4.5 0 1 1 11.5 15A4.5 4.5 0 1 1 11.5 6Z"+rectPath(8.3, 9.8, 9.7, 11.2)+
			rectPath(10.8, 9.8, 12.2, 11.2)+rectPath(13.3, 9.8, 14.7, 11.2))
	default: // NeedsUser, and what a newer daemon may say
		paint("Text", "", few)
		paint("NegativeText", "", "M11.5 5.5L16 10L11.5 14.5L7 10Z"+rectPath(10.8, 7.2, 12.2, 10.4)+rectPath(10.8, 11.2, 12.2, 12.6))
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func rectPath(x0, y0, x1, y1 float64) string {
	return fmt.Sprintf("M%g %gH%gV%gH%gZ", x0, y0, x1, y1, x0)
}

// symbolicBooks are the books of drawBooks at 16 pixels.
func symbolicBooks() string {
	sin, cos := math.Sincos(-leanBy * math.Pi / 180)
	lean := func(x0, y0, x1, y1 float64) string {
		var path strings.Builder
		for i, p := range [][2]float64{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}} {
			const footX, footY = 11, 12
			x, y := p[0]-footX, p[1]-footY
			fmt.Fprintf(&path, "%c%.2f %.2f", "MLLL"[i], footX+x*cos-y*sin, footY+x*sin+y*cos)
		}
		return path.String() + "Z"
	}
	return rectPath(1, 1, 4, 3) + rectPath(1, 4, 4, 12) + rectPath(5, 3, 8, 5) + rectPath(5, 6, 8, 12) +
		lean(11, 2.6, 14, 4.6) + lean(11, 5.6, 14, 12) + rectPath(0.5, 13, 15.5, 15)
}
