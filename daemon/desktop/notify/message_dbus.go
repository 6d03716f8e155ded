//go:build !darwin && !windows

package notify

import (
	"image"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/assets"
)

// arguments are those of Notify for a notice.
func (n *Notifier) arguments(w Notice) []any {
	hints := map[string]dbus.Variant{"urgency": dbus.MakeVariant(byte(1)), "category": dbus.MakeVariant("network.error")}
	if n.icon != nil {
		hints["image-data"] = dbus.MakeVariant(imageData(n.icon))
	}
	actions := []string{}
	if w.Label != "" && slices.Contains(n.abilities, "actions") {
		actions = []string{"default", w.Label, "mend", w.Label}
	}
	body := w.Body
	if slices.Contains(n.abilities, "body-markup") {
		body = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(body)
	}
	const never = int32(0) // it is taken away when it is over
	return []any{"Shelfkeeper", uint32(0), "", w.Title, body, actions, hints, never}
}

// rawImage is the D-Bus type (iiibiiay) of the hint image-data.
type rawImage struct {
	Width, Height, Stride  int32
	Alpha                  bool
	BitsPerSample, Samples int32
	Pixels                 []byte
}

// imageData returns a picture in straight RGBA.
func imageData(img image.Image) rawImage {
	size := img.Bounds().Size()
	return rawImage{Width: int32(size.X), Height: int32(size.Y), Stride: int32(4 * size.X), Alpha: true, BitsPerSample: 8, Samples: 4,
		Pixels: assets.Straight(img)}
}
