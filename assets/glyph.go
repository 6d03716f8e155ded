package assets

import (
	"image/color"
	"math"
)

// palette is what one scheme paints with.
type palette struct {
	books   color.NRGBA
	faint   color.NRGBA // books of an icon that says "not at work"
	warn    color.NRGBA
	alarm   color.NRGBA
	pause   color.NRGBA
	work    color.NRGBA
	sign    color.NRGBA // what is drawn upon a badge
	halo    color.NRGBA // around everything, so that it stands out on any panel; transparent for none
	cutSign bool        // signs are holes, for lack of a second colour
}

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

func faded(c color.NRGBA, alpha uint8) color.NRGBA {
	c.A = alpha
	return c
}

// The colours keep a contrast of 3 to 1 to the panels they are for (WCAG 2.1,
// 1.4.11), which TestColoursStandOut checks.
var palettes = [...]palette{
	AnyPanel: {books: rgb(0x2b3036), faint: rgb(0x6c737b), warn: rgb(0xb45309), alarm: rgb(0xc81e1e),
		pause: rgb(0x2563c9), work: rgb(0x0e7490), sign: rgb(0xffffff), halo: rgb(0xf4f5f7)},
	LightPanel: {books: rgb(0x2b3036), faint: rgb(0x6c737b), warn: rgb(0xb45309),
		alarm: rgb(0xc81e1e), pause: rgb(0x2563c9), work: rgb(0x0e7490), sign: rgb(0xffffff)},
	DarkPanel: {books: rgb(0xf4f5f7), faint: rgb(0x9aa1a9), warn: rgb(0xfbb324),
		alarm: rgb(0xff5c55), pause: rgb(0x6aa8ff), work: rgb(0x39c5dd), sign: rgb(0x14171a)},
	Template: {books: rgb(0), faint: faded(rgb(0), 150), warn: rgb(0),
		alarm: rgb(0), pause: rgb(0), work: rgb(0), cutSign: true},
}

// gap is the transparent margin between the books and a badge.
const gap = 1

// drawMark draws the books alone while all is well. A badge says trouble, and
// each badge has a shape of its own.
func drawMark(c *canvas, m Mark, p palette) {
	switch m {
	case OK:
		drawBooks(c, p, p.books)
	case Degraded:
		drawBooks(c, p, p.books)
		x, sign := c.exclamation(10.9, 8)
		badge(c, p, grown(polygon([2]float64{x, 6}, [2]float64{x + 4.2, 14.4}, [2]float64{x - 4.2, 14.4}), 0.7), p.warn, sign)
	case Offline:
		drawBooks(c, p, p.faint)
		badge(c, p, stroke(1.2, 1, 14.8, 14.6, 1.5), p.faint, nil)
	case NeedsUser:
		drawBooks(c, p, p.books)
		x, sign := c.exclamation(10.2, 7)
		badge(c, p, turned(box(x-3.8, 6.2, x+3.8, 13.8, 0.8), x, 10, 45), p.alarm, sign)
	case Paused:
		drawBooks(c, p, p.faint)
		width, top, bottom := c.thick(2.6), c.snap(7.4), c.snap(15)
		left := c.snap(8.4)
		bar := func(x float64) shape { return box(x, top, x+width, bottom, 0.4) }
		badge(c, p, union(bar(left), bar(c.snap(left+width+1.4))), p.pause, nil)
	case Working:
		drawBooks(c, p, p.books)
		side := c.thick(1.6)
		step := c.snap(side + 1)
		x, y := c.snap(10.2-side/2), c.snap(10.2-side/2)
		dot := func(x float64) shape { return box(x, y, x+side, y+side, 0.3) }
		badge(c, p, disc(x+side/2, y+side/2, 4.9), p.work, union(dot(x-step), dot(x), dot(x+step)))
	}
}

// exclamation is the sign of a badge about x that begins at top: its edges lie
// between pixels, so that it is sharp where it is two pixels wide. It returns its
// middle, for the badge.
func (c *canvas) exclamation(x, top float64) (middle float64, sign shape) {
	width := c.thick(1.6)
	left, top := c.snap(x-width/2), c.snap(top)
	stem := c.snap(top + 3.2)
	dot := stem + c.thick(0.8)
	return left + width/2, union(box(left, top, left+width, stem, 0), box(left, dot, left+width, dot+width, 0))
}

// leanBy is how far the third book leans, in degrees.
const leanBy = 13

// drawBooks draws two upright books and one that leans on them, on a board. A
// band across each spine makes them books and not bars.
func drawBooks(c *canvas, p palette, ink color.NRGBA) {
	thick, space, floor := c.thick(2.8), c.thick(0.8), c.snap(12)
	first := c.snap(0.8)
	second := first + thick + space
	foot := second + thick + space/2 + 9.4*math.Sin(leanBy*math.Pi/180)
	lean := func(s shape) shape { return turned(s, foot, floor, -leanBy) }
	spine := func(x, top float64) shape { return box(x, top, x+thick, floor, 0.35) }
	band := func(x, top float64) shape { return box(x-1, top, x+thick+1, top+c.thick(0.8), 0) }
	books := union(
		minus(spine(first, c.snap(1)), band(first, c.snap(3))),
		minus(spine(second, c.snap(3)), band(second, c.snap(5))),
		minus(lean(spine(foot, 2.6)), lean(band(foot, 4.6))),
		box(c.snap(0.4), floor+space, c.snap(15.6), floor+space+c.thick(1.6), 0.3),
	)
	c.fill(grown(books, gap), p.halo)
	c.fill(books, ink)
}

// badge puts a coloured shape before the books, with a sign on it, nil for none.
func badge(c *canvas, p palette, s shape, ink color.NRGBA, sign shape) {
	c.cut(grown(s, gap))
	c.fill(grown(s, gap), p.halo)
	c.fill(s, ink)
	switch {
	case sign == nil:
	case p.cutSign:
		c.cut(sign)
	default:
		c.fill(sign, p.sign)
	}
}
