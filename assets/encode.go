package assets

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
)

// PNG returns an image as a PNG file.
func PNG(img image.Image) []byte {
	var b bytes.Buffer
	// A bytes.Buffer takes everything, and png refuses only images without size.
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// ICO returns images, the largest at most 256 pixels wide, as one icon file for
// Windows, from which it takes the size that the screen asks for. Each is a
// bitmap with alpha: a PNG within an ICO is only read at 256 pixels by the
// shell of older Windows releases.
func ICO(images ...image.Image) []byte {
	const header, entry = 6, 16
	var dir, data bytes.Buffer
	put := func(b *bytes.Buffer, values ...any) {
		for _, v := range values {
			_ = binary.Write(b, binary.LittleEndian, v) // a bytes.Buffer takes everything
		}
	}
	put(&dir, uint16(0), uint16(1), uint16(len(images)))
	for _, img := range images {
		bitmap := dib(img)
		size := img.Bounds().Size()
		put(&dir, uint8(size.X), uint8(size.Y), uint8(0), uint8(0), uint16(1), uint16(32), // 256 is written as 0
			uint32(len(bitmap)), uint32(header+entry*len(images)+data.Len()))
		data.Write(bitmap)
	}
	return append(dir.Bytes(), data.Bytes()...)
}

// dib is a BITMAPINFOHEADER, the rows from the bottom up as BGRA with straight
// alpha, and the mask of one bit a pixel that programs without alpha use.
func dib(img image.Image) []byte {
	r := img.Bounds()
	w, h := r.Dx(), r.Dy()
	maskRow := (w + 31) / 32 * 4
	b := make([]byte, 40, 40+w*h*4+maskRow*h)
	le := binary.LittleEndian
	le.PutUint32(b[0:], 40)
	le.PutUint32(b[4:], uint32(w))
	le.PutUint32(b[8:], uint32(2*h)) // colours and mask together
	le.PutUint16(b[12:], 1)
	le.PutUint16(b[14:], 32)
	mask := make([]byte, maskRow*h)
	for y := range h {
		for x := range w {
			p := straight(img, r.Min.X+x, r.Max.Y-1-y)
			b = append(b, p.B, p.G, p.R, p.A)
			if p.A < 128 {
				mask[y*maskRow+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return append(b, mask...)
}

// Straight returns the pixels of an image row by row from the top, as red,
// green, blue and alpha, where the colours are not multiplied by the alpha.
func Straight(img image.Image) []byte {
	r := img.Bounds()
	b := make([]byte, 0, 4*r.Dx()*r.Dy())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			p := straight(img, x, y)
			b = append(b, p.R, p.G, p.B, p.A)
		}
	}
	return b
}

func straight(img image.Image, x, y int) color.NRGBA {
	return color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
}
