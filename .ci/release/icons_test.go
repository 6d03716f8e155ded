package main

import (
	"bytes"
	"image"
	"image/png"
	"testing"
)

// A size that the program did not draw stops the release.
func TestIconsOfWindows(t *testing.T) {
	drawn := icons{png: map[int][]byte{}}
	for _, px := range []int{16, 24, 32, 48, 64, 256} {
		var out bytes.Buffer
		if err := png.Encode(&out, image.NewNRGBA(image.Rect(0, 0, px, px))); err != nil {
			t.Fatal(err)
		}
		drawn.png[px] = out.Bytes()
	}
	if all, err := drawn.images(); err != nil || len(all) != 6 {
		t.Fatalf("%d images, %v", len(all), err)
	}
	delete(drawn.png, 48)
	if _, err := drawn.images(); err == nil {
		t.Error("the missing size was not noticed")
	}
}
