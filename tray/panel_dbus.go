//go:build !darwin && !windows

package tray

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"io"
	"strings"

	"fyne.io/systray"

	"shelfkeeper/assets"
)

// iconSize suits panels of 16, 24 and 48 pixels without a remainder; systray
// offers the panel one size only.
const iconSize = 48

func setIcon(m assets.Mark, s assets.Scheme) {
	if img, ok := assets.Icon(m, s, iconSize).(*image.NRGBA); ok {
		systray.SetIcon(encodePixmap(img))
	}
}

// label keeps an underscore from becoming the mark of a shortcut
// (com.canonical.dbusmenu, property "label").
func label(text string) string { return strings.ReplaceAll(text, "_", "__") }

// pixmapMagic begins an image format that only this process knows. systray
// takes an image file, and writes into the IconPixmap what RGBA() returns:
// colours multiplied by their alpha. Panels take them as straight ones, which
// gives every smooth edge a dark rim. The private format decodes to an image
// whose RGBA() returns straight colours.
const pixmapMagic = "shelfkeeper pixmap\n"

var errPixmap = errors.New("not a pixmap of this program")

func init() {
	image.RegisterFormat("shelfkeeper", pixmapMagic, decodePixmap, func(r io.Reader) (image.Config, error) {
		img, err := decodePixmap(r)
		if err != nil {
			return image.Config{}, err
		}
		return image.Config{ColorModel: img.ColorModel(), Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}, nil
	})
}

func encodePixmap(img *image.NRGBA) []byte {
	size := img.Bounds().Size()
	b := bytes.NewBufferString(pixmapMagic)
	_ = binary.Write(b, binary.LittleEndian, [2]uint16{uint16(size.X), uint16(size.Y)}) // a Buffer takes everything
	b.Write(img.Pix)
	return b.Bytes()
}

func decodePixmap(r io.Reader) (image.Image, error) {
	var head struct {
		Magic [len(pixmapMagic)]byte
		W, H  uint16
	}
	if err := binary.Read(r, binary.LittleEndian, &head); err != nil || string(head.Magic[:]) != pixmapMagic {
		return nil, errPixmap
	}
	img := image.NewNRGBA(image.Rect(0, 0, int(head.W), int(head.H)))
	if _, err := io.ReadFull(r, img.Pix); err != nil {
		return nil, errPixmap
	}
	return straightImage{img}, nil
}

// straightImage breaks the rule of image.Image that colours are multiplied by
// their alpha.
type straightImage struct{ *image.NRGBA }

func (i straightImage) At(x, y int) color.Color { return straightColor(i.NRGBAAt(x, y)) }

type straightColor color.NRGBA

func (c straightColor) RGBA() (r, g, b, a uint32) {
	return uint32(c.R) * 0x101, uint32(c.G) * 0x101, uint32(c.B) * 0x101, uint32(c.A) * 0x101
}
