package assets

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"testing"
)

// TestContactSheet draws every icon on its panels for a person to look at, into
// the directory that SHELFKEEPER_SHOTS names.
func TestContactSheet(t *testing.T) {
	dir := os.Getenv("SHELFKEEPER_SHOTS")
	if dir == "" {
		t.Skip("SHELFKEEPER_SHOTS names no directory for the pictures")
	}
	sizes := []int{16, 22, 24, 32, 48, 64}
	panels := []struct {
		s  Scheme
		bg color.NRGBA
	}{
		{LightPanel, rgb(0xf2f2f2)}, {DarkPanel, rgb(0x202326)}, {AnyPanel, rgb(0xffffff)},
		{AnyPanel, rgb(0x101010)}, {Template, rgb(0xd8d8d8)},
	}
	const cell = 72
	w, h := cell*len(sizes)*len(panels), cell*len(marks)
	sheet := image.NewNRGBA(image.Rect(0, 0, w, h))
	for pi, p := range panels {
		x0 := pi * cell * len(sizes)
		draw.Draw(sheet, image.Rect(x0, 0, x0+cell*len(sizes), h), image.NewUniform(p.bg), image.Point{}, draw.Src)
		for mi, m := range marks {
			for si, px := range sizes {
				x, y := x0+si*cell+(cell-px)/2, mi*cell+(cell-px)/2
				draw.Draw(sheet, image.Rect(x, y, x+px, y+px), Icon(m, p.s, px), image.Point{}, draw.Over)
			}
		}
	}
	write := func(name string, img image.Image) {
		if err := os.WriteFile(filepath.Join(dir, name), PNG(img), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("sheet.png", sheet)
	for _, px := range []int{16, 18, 22, 24, 32, 44} {
		write(fmt.Sprintf("sheet-%d-zoomed.png", px), zoomed(px, max(2, 160/px)))
	}
}

// zoomed shows the pixels of the size that panels use most.
func zoomed(px, by int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, (px+4)*by*len(marks), (px+4)*by*4))
	for row, s := range []Scheme{LightPanel, DarkPanel, AnyPanel, AnyPanel} {
		bg := []color.NRGBA{rgb(0xf2f2f2), rgb(0x202326), rgb(0x7f9f7f), rgb(0x101010)}[row]
		for col, m := range marks {
			cell := image.NewNRGBA(image.Rect(0, 0, px+4, px+4))
			draw.Draw(cell, cell.Bounds(), image.NewUniform(bg), image.Point{}, draw.Src)
			draw.Draw(cell, image.Rect(2, 2, px+2, px+2), Icon(m, s, px), image.Point{}, draw.Over)
			for y := range (px + 4) * by {
				for x := range (px + 4) * by {
					out.Set(col*(px+4)*by+x, row*(px+4)*by+y, cell.At(x/by, y/by))
				}
			}
		}
	}
	return out
}
