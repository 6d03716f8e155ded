package assets

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
)

var sizes = []int{16, 18, 22, 24, 32, 36, 44, 48, 64}

func pixels(t *testing.T, m Mark, s Scheme, px int) *image.NRGBA {
	t.Helper()
	img, ok := Icon(m, s, px).(*image.NRGBA)
	if !ok || img.Bounds() != image.Rect(0, 0, px, px) {
		t.Fatalf("%v %v at %d px: %T, %v", m, s, px, img, img.Bounds())
	}
	return img
}

// Shape alone must tell two marks apart, since macOS shows no colours and many
// people cannot tell red from green.
func TestMarksDifferInShape(t *testing.T) {
	for _, s := range schemes {
		for _, px := range sizes {
			for _, a := range marks {
				for _, b := range marks {
					if a >= b {
						continue
					}
					one, two := pixels(t, a, s, px), pixels(t, b, s, px)
					differ := 0
					for i := 0; i < len(one.Pix); i += 4 {
						if math.Abs(tone(one.Pix[i:], s)-tone(two.Pix[i:], s)) > 100 {
							differ++
						}
					}
					if share := float64(differ) / float64(px*px); share < 0.03 {
						t.Errorf("%v and %v at %d px: only %.1f %% of the shape differs", a, b, px, share*100)
					}
				}
			}
		}
	}
}

// tone is what is left of a pixel without its colour: whether something is drawn
// there, or for icons with a halo how bright it is, which is drawn everywhere.
func tone(pixel []uint8, s Scheme) float64 {
	alpha := float64(pixel[3])
	if palettes[s].halo.A == 0 {
		return alpha
	}
	grey := 0.299*float64(pixel[0]) + 0.587*float64(pixel[1]) + 0.114*float64(pixel[2])
	return grey*alpha/255 + 128*(1-alpha/255)
}

func TestMarksDifferInColour(t *testing.T) {
	for _, s := range []Scheme{AnyPanel, LightPanel, DarkPanel} {
		p := palettes[s]
		inks := map[string]color.NRGBA{"books": p.books, "work": p.work, "warn": p.warn, "alarm": p.alarm, "pause": p.pause}
		for an, a := range inks {
			for bn, b := range inks {
				if an < bn && distance(a, b) < 60 {
					t.Errorf("scheme %d: %s and %s are alike", s, an, bn)
				}
			}
		}
		for m, ink := range map[Mark]color.NRGBA{
			OK: p.books, Working: p.work, Degraded: p.warn, NeedsUser: p.alarm, Paused: p.pause, Offline: p.faint} {
			if got := count(pixels(t, m, s, 22), ink); got < 20 {
				t.Errorf("%v in scheme %d: %d pixels of its colour at 22 px", m, s, got)
			}
		}
	}
}

func TestTemplateIsBlack(t *testing.T) {
	for _, m := range marks {
		img := pixels(t, m, Template, 36)
		for i := 0; i < len(img.Pix); i += 4 {
			if img.Pix[i]|img.Pix[i+1]|img.Pix[i+2] != 0 {
				t.Fatalf("%v has a colour at %d", m, i/4)
			}
		}
	}
}

// Graphics need a contrast of 3 to 1 to what they lie on (WCAG 2.1, 1.4.11).
func TestColoursStandOut(t *testing.T) {
	light, dark, middle := rgb(0xf2f2f2), rgb(0x202326), rgb(0x808080)
	for s, panels := range map[Scheme][]color.NRGBA{
		LightPanel: {light}, DarkPanel: {dark}, AnyPanel: {light, dark, middle},
	} {
		p := palettes[s]
		for name, ink := range map[string]color.NRGBA{
			"books": p.books, "faint": p.faint, "work": p.work, "warn": p.warn, "alarm": p.alarm, "pause": p.pause} {
			for _, panel := range panels {
				c := contrast(ink, panel)
				if p.halo.A > 0 {
					c = max(c, contrast(p.halo, panel)) // an outline is as good
				}
				if c < 3 {
					t.Errorf("scheme %d: %s on %v has a contrast of %.2f", s, name, panel, c)
				}
			}
		}
		for name, ink := range map[string]color.NRGBA{"work": p.work, "warn": p.warn, "alarm": p.alarm} {
			if c := contrast(p.sign, ink); c < 3 {
				t.Errorf("scheme %d: the sign on %s has a contrast of %.2f", s, name, c)
			}
		}
	}
}

func TestIconIsPure(t *testing.T) {
	for _, m := range marks {
		if !bytes.Equal(pixels(t, m, DarkPanel, 22).Pix, pixels(t, m, DarkPanel, 22).Pix) {
			t.Errorf("%v is not the same twice", m)
		}
	}
}

// A level of a newer daemon must be seen rather than missed.
func TestUnknownMarkAlarms(t *testing.T) {
	if !bytes.Equal(pixels(t, 17, Scheme(9), 22).Pix, pixels(t, NeedsUser, AnyPanel, 22).Pix) {
		t.Error("an unknown mark must look as NeedsUser")
	}
	if Mark(17).String() != "mark(17)" || NeedsUser.String() != "needs-user" {
		t.Error("names")
	}
	Icon(OK, AnyPanel, 0) // no panic
}

// Edges are smooth, and nothing is drawn at the rim of small icons but what
// belongs there: an icon of only full and empty pixels would look torn.
func TestEdgesAreSmooth(t *testing.T) {
	for _, m := range marks {
		img := pixels(t, m, LightPanel, 22)
		partly, full := 0, 0
		for i := 3; i < len(img.Pix); i += 4 {
			switch {
			case img.Pix[i] == 255:
				full++
			case img.Pix[i] > 0:
				partly++
			}
		}
		if partly < 15 || full < 90 {
			t.Errorf("%v: %d full and %d partly covered pixels", m, full, partly)
		}
	}
}

func TestPNGGivesTheIconBack(t *testing.T) {
	want := pixels(t, Degraded, DarkPanel, 22)
	got, err := png.Decode(bytes.NewReader(PNG(want)))
	if err != nil {
		t.Fatal(err)
	}
	for y := range 22 {
		for x := range 22 {
			if straight(got, x, y) != want.NRGBAAt(x, y) {
				t.Fatalf("pixel %d,%d: %v, want %v", x, y, got.At(x, y), want.At(x, y))
			}
		}
	}
}

func TestICOHoldsEverySize(t *testing.T) {
	var images []image.Image
	for _, px := range []int{16, 24, 32, 256} {
		images = append(images, Icon(NeedsUser, LightPanel, px))
	}
	b := ICO(images...)
	le := binary.LittleEndian
	if le.Uint16(b) != 0 || le.Uint16(b[2:]) != 1 || int(le.Uint16(b[4:])) != len(images) {
		t.Fatalf("header % x", b[:6])
	}
	next := uint32(6 + 16*len(images))
	for i, img := range images {
		e, px := b[6+16*i:], img.Bounds().Dx()
		size, at := le.Uint32(e[8:]), le.Uint32(e[12:])
		if e[0] != uint8(px) || e[1] != uint8(px) || le.Uint16(e[6:]) != 32 || at != next {
			t.Fatalf("entry of %d px: % x", px, e[:16])
		}
		next = at + size
		d := b[at:next]
		if le.Uint32(d) != 40 || int(le.Uint32(d[4:])) != px || int(le.Uint32(d[8:])) != 2*px || le.Uint16(d[14:]) != 32 {
			t.Fatalf("bitmap header of %d px: % x", px, d[:40])
		}
		rows := d[40:]
		mask := rows[px*px*4:]
		maskRow := (px + 31) / 32 * 4
		if len(mask) != maskRow*px {
			t.Fatalf("mask of %d px has %d bytes", px, len(mask))
		}
		for y := range px {
			for x := range px {
				p, want := rows[((px-1-y)*px+x)*4:], img.(*image.NRGBA).NRGBAAt(x, y)
				if got := (color.NRGBA{p[2], p[1], p[0], p[3]}); got != want {
					t.Fatalf("%d px, pixel %d,%d: %v, want %v", px, x, y, got, want)
				}
				hidden := mask[(px-1-y)*maskRow+x/8]&(0x80>>(x%8)) != 0
				if hidden != (want.A < 128) {
					t.Fatalf("%d px, mask at %d,%d is %v over alpha %d", px, x, y, hidden, want.A)
				}
			}
		}
	}
	if int(next) != len(b) {
		t.Errorf("%d bytes, entries end at %d", len(b), next)
	}
}

func BenchmarkIcon48(b *testing.B) {
	for b.Loop() {
		PNG(Icon(NeedsUser, AnyPanel, 48))
	}
}

func count(img *image.NRGBA, ink color.NRGBA) (n int) {
	for i := 0; i < len(img.Pix); i += 4 {
		if img.Pix[i] == ink.R && img.Pix[i+1] == ink.G && img.Pix[i+2] == ink.B && img.Pix[i+3] == 255 {
			n++
		}
	}
	return n
}

func distance(a, b color.NRGBA) float64 {
	d := func(x, y uint8) float64 { return (float64(x) - float64(y)) * (float64(x) - float64(y)) }
	return math.Sqrt(d(a.R, b.R) + d(a.G, b.G) + d(a.B, b.B))
}

func contrast(a, b color.NRGBA) float64 {
	luminance := func(c color.NRGBA) float64 {
		part := func(v uint8) float64 {
			f := float64(v) / 255
			if f <= 0.04045 {
				return f / 12.92
			}
			return math.Pow((f+0.055)/1.055, 2.4)
		}
		return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

var (
	marks   = []Mark{OK, Degraded, Offline, NeedsUser, Paused, Working}
	schemes = []Scheme{AnyPanel, LightPanel, DarkPanel, Template}
)
