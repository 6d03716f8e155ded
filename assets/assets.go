// Package assets draws the program's icon. It exists so that the tray can show
// the state at any size and on any panel without image files. An icon is a
// pure function of its state, its panel and its size.
//
// Every Mark has a shape of its own besides its colour, since many people
// cannot tell red from green and macOS shows no colours at all. The package
// does no I/O and knows no part of the program.
//
// The PNG files beside it are for the README: the icons in a real panel.
package assets

import (
	"fmt"
	"image"
)

// Mark is what an icon says.
type Mark int

const (
	OK        Mark = iota // books on a shelf
	Degraded              // the same with an amber triangle
	Offline               // grey books, struck through
	NeedsUser             // a red diamond with an exclamation mark
	Paused                // faint books with two blue bars
	Working               // three dots in a disc: what the user asked for is being done
)

var markNames = [...]string{"ok", "degraded", "offline", "needs-user", "paused", "working"}

// String returns the name of the level that the mark stands for.
func (m Mark) String() string {
	if m < 0 || int(m) >= len(markNames) {
		return fmt.Sprintf("mark(%d)", int(m))
	}
	return markNames[m]
}

// Scheme is the panel an icon lies on. The zero value suits every panel.
type Scheme int

const (
	AnyPanel   Scheme = iota // middle tones, legible on white and on black
	LightPanel               // dark books
	DarkPanel                // white books
	Template                 // black and alpha only; macOS colours it itself
)

// Icon draws a mark on a square of px times px pixels. The same arguments give
// the same pixels. A mark or scheme that does not exist is drawn as NeedsUser
// and AnyPanel, so that a newer level is seen rather than missed.
func Icon(m Mark, s Scheme, px int) image.Image {
	if m < OK || m > Working {
		m = NeedsUser
	}
	if s < AnyPanel || s > Template {
		s = AnyPanel
	}
	c := newCanvas(max(px, 1))
	drawMark(c, m, palettes[s])
	return c.img
}
