package assets

import "image/color"

// palette is what one scheme paints with.
type palette struct {
	books   color.NRGBA
	faint   color.NRGBA // books of an icon that says "not at work"
	ok      color.NRGBA
	warn    color.NRGBA
	alarm   color.NRGBA
	pause   color.NRGBA
	sign    color.NRGBA // what is drawn upon a badge
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
	AnyPanel: {books: rgb(0x808488), faint: rgb(0x808488), ok: rgb(0x1f9d55), warn: rgb(0xc27c0e),
		alarm: rgb(0xe0403a), pause: rgb(0x4a86d8), sign: rgb(0xffffff)},
	LightPanel: {books: rgb(0x2b3036), faint: rgb(0x6c737b), ok: rgb(0x15803d), warn: rgb(0xb45309),
		alarm: rgb(0xc81e1e), pause: rgb(0x2563c9), sign: rgb(0xffffff)},
	DarkPanel: {books: rgb(0xf4f5f7), faint: rgb(0x9aa1a9), ok: rgb(0x3ecf7a), warn: rgb(0xfbb324),
		alarm: rgb(0xff5c55), pause: rgb(0x6aa8ff), sign: rgb(0x14171a)},
	Template: {books: rgb(0), faint: faded(rgb(0), 150), ok: rgb(0), warn: rgb(0),
		alarm: rgb(0), pause: rgb(0), cutSign: true},
}

// gap is the transparent margin between the books and a badge.
const gap = 1.6

func drawMark(c *canvas, m Mark, p palette) {
	switch m {
	case OK:
		drawBooks(c, p.books, 14)
		badge(c, p, disc(17.2, 17.2, 6.3), p.ok, union(
			stroke(14.2, 17.5, 16.4, 19.7, 1.9), stroke(16.4, 19.7, 20.3, 15.0, 1.9)))
	case Degraded:
		drawBooks(c, p.books, 14)
		badge(c, p, grown(polygon([2]float64{16.8, 11.9}, [2]float64{22.4, 21.9}, [2]float64{11.2, 21.9}), 1.1), p.warn, union(
			stroke(16.8, 15.0, 16.8, 17.9, 1.9), disc(16.8, 20.6, 1.15)))
	case Offline:
		drawBooks(c, p.faint, 23.6)
		slash := stroke(2.2, 1.8, 22, 22.2, 2.6)
		c.cut(grown(slash, gap))
		c.fill(slash, p.faint)
	case NeedsUser:
		drawBooks(c, p.books, 14)
		badge(c, p, turned(box(11.2, 11.2, 21.2, 21.2, 1.3), 16.2, 16.2, 45), p.alarm, union(
			stroke(16.2, 12.2, 16.2, 16.9, 2.2), disc(16.2, 20.2, 1.3)))
	case Paused:
		drawBooks(c, p.faint, 14)
		bar := func(x float64) shape { return box(c.snap(x), 11.2, c.snap(x)+c.thick(3.6), 23, 0.9) }
		left, right := bar(12.6), bar(18.8)
		c.cut(grown(box(12.6, 11.2, 22.4, 23, 0.9), gap))
		c.fill(union(left, right), p.pause)
	}
}

// drawBooks draws two upright books and one that leans on them, on a board of
// the given width. A band across each spine makes them books and not bars.
func drawBooks(c *canvas, ink color.NRGBA, board float64) {
	floor := c.snap(19.4)
	type book struct{ spine, band shape }
	upright := func(x0, top, x1, band float64) book {
		return book{
			box(c.snap(x0), c.snap(top), c.snap(x1), floor, 0.7),
			box(x0-1, c.snap(band), x1+1, c.snap(band)+c.thick(1.2), 0),
		}
	}
	lean := func(s shape) shape { return turned(s, 18.6, 19.4, -14) }
	for _, b := range []book{
		upright(1.2, 1.6, 5.8, 4.6),
		upright(7, 4, 11.6, 7),
		{lean(box(16.6, 3.8, 21, 19.4, 0.7)), lean(box(16, 6.4, 22, 7.6, 0))},
	} {
		c.fill(minus(b.spine, b.band), ink)
	}
	c.fill(box(0.4, c.snap(20.6), board, c.snap(20.6)+c.thick(2.2), 0.6), ink)
}

// badge puts a coloured shape with a sign on it before the books.
func badge(c *canvas, p palette, s shape, ink color.NRGBA, sign shape) {
	c.cut(grown(s, gap))
	c.fill(s, ink)
	if p.cutSign {
		c.cut(sign)
		return
	}
	c.fill(sign, p.sign)
}
