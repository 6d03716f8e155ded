package assets

import (
	"encoding/xml"
	"errors"
	"image/color"
	"io"
	"strings"
	"testing"
)

// The application's icon is a tile with round corners at every size, and its
// scalable form is well-formed and draws the same parts.
func TestApplicationIcon(t *testing.T) {
	for _, px := range []int{1, 16, 48, 256} {
		img := Application(px)
		if b := img.Bounds(); b.Dx() != px || b.Dy() != px {
			t.Fatalf("%d pixels asked, got %v", px, b)
		}
	}
	img := Application(256)
	if _, _, _, alpha := img.At(0, 0).RGBA(); alpha != 0 {
		t.Error("the corner is not round")
	}
	if got := color.NRGBAModel.Convert(img.At(128, 240)); got != rgb(tile) {
		t.Errorf("the ground is %v", got)
	}
	svg := ApplicationSVG()
	for read := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := read.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(svg, "<rect"); got != 1+len(applicationBooks()) {
		t.Errorf("%d parts in\n%s", got, svg)
	}
}
