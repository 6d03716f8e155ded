package main

import (
	"bytes"
	"image/png"
	"testing"
)

// Every icon is a picture of the size that its folder says.
func TestIcons(t *testing.T) {
	for name, data := range icons() {
		if len(data) == 0 {
			t.Errorf("%s is empty", name)
		}
		if name[0] == 's' {
			continue
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b := img.Bounds(); b.Dx() != b.Dy() {
			t.Errorf("%s is %v", name, b)
		}
	}
}
