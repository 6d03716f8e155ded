package assets

import (
	"fmt"
	"image"
	"strings"
)

// tile is the ground of the application's icon, and ink what stands on it.
const (
	tile = 0x1d4d4f
	ink  = 0xfdf6e3
)

// Application draws the icon of the program, as menus and installers show it:
// books on a coloured tile, px times px pixels.
func Application(px int) image.Image {
	c := newCanvas(max(px, 1))
	c.fill(box(0.5, 0.5, 23.5, 23.5, 5), rgb(tile))
	for _, b := range applicationBooks() {
		c.fill(b.shape(), rgb(b.colour))
	}
	return c.img
}

// ApplicationSVG is the same drawing as a scalable image.
func ApplicationSVG() string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">` + "\n")
	fmt.Fprintf(&b, `<rect x=".5" y=".5" width="23" height="23" rx="5" fill="#%06x"/>`+"\n", tile)
	for _, p := range applicationBooks() {
		turn := ""
		if p.degrees != 0 {
			turn = fmt.Sprintf(` transform="rotate(%g %g %g)"`, p.degrees, leanX, leanY)
		}
		fmt.Fprintf(&b, `<rect x="%g" y="%g" width="%.4g" height="%.4g" rx="%g" fill="#%06x"%s/>`+"\n",
			p.x0, p.y0, p.x1-p.x0, p.y1-p.y0, p.round, p.colour, turn)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// leanX and leanY are the lower right corner of the leaning book, about which it
// is turned.
const leanX, leanY float64 = 18, 17.4

// plank is a rectangle of the application's icon.
type plank struct {
	x0, y0, x1, y1, round float64
	degrees               float64 // clockwise, about the corner above
	colour                uint32
}

func (p plank) shape() shape {
	s := box(p.x0, p.y0, p.x1, p.y1, p.round)
	if p.degrees == 0 {
		return s
	}
	return turned(s, leanX, leanY, p.degrees)
}

func applicationBooks() []plank {
	return []plank{
		{4.4, 5, 7.8, 17.4, .6, 0, ink}, {4.4, 7.4, 7.8, 8.5, 0, 0, tile},
		{8.6, 6.8, 12, 17.4, .6, 0, 0x8fd3c1}, {8.6, 9.2, 12, 10.3, 0, 0, tile},
		{14.6, 6.4, 18, 17.4, .6, -14, 0xf2b84b}, {14.6, 8.8, 18, 9.9, 0, -14, tile},
		{3.6, 18.2, 20.4, 19.8, .6, 0, ink},
	}
}
