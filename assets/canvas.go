package assets

import (
	"image"
	"image/color"
	"math"
)

// grid is the width and height of the drawing in its own units.
const grid = 16

// canvas is an image with straight alpha, addressed in units of the grid.
type canvas struct {
	img   *image.NRGBA
	scale float64 // pixels a unit
}

func newCanvas(px int) *canvas {
	return &canvas{image.NewNRGBA(image.Rect(0, 0, px, px)), float64(px) / grid}
}

// snap moves a coordinate to the nearest edge between pixels: upright edges of
// books would be grey at 22 pixels otherwise.
func (c *canvas) snap(v float64) float64 { return math.Round(v*c.scale) / c.scale }

// thick is at least one whole pixel.
func (c *canvas) thick(v float64) float64 { return max(math.Round(v*c.scale), 1) / c.scale }

// cover returns how much of the pixel at x, y lies within s, from 0 to 1.
func (c *canvas) cover(s shape, x, y int) float64 {
	d := s((float64(x)+0.5)/c.scale, (float64(y)+0.5)/c.scale) * c.scale
	return math.Max(0, math.Min(1, 0.5-d))
}

func (c *canvas) each(s shape, f func(p *color.NRGBA, cover float64)) {
	b := c.img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			if cover := c.cover(s, x, y); cover > 0 {
				p := c.img.NRGBAAt(x, y)
				f(&p, cover)
				c.img.SetNRGBA(x, y, p)
			}
		}
	}
}

// fill paints s over what is there.
func (c *canvas) fill(s shape, with color.NRGBA) {
	if with.A == 0 {
		return
	}
	c.each(s, func(p *color.NRGBA, cover float64) {
		over := cover * float64(with.A) / 255
		under := float64(p.A) / 255 * (1 - over)
		sum := over + under
		mix := func(a, b uint8) uint8 {
			return uint8(math.Round((float64(a)*over + float64(b)*under) / sum))
		}
		*p = color.NRGBA{mix(with.R, p.R), mix(with.G, p.G), mix(with.B, p.B), uint8(math.Round(sum * 255))}
	})
}

// cut makes s transparent.
func (c *canvas) cut(s shape) {
	c.each(s, func(p *color.NRGBA, cover float64) {
		p.A = uint8(math.Round(float64(p.A) * (1 - cover)))
	})
}
