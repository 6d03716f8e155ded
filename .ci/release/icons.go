package main

import (
	"fmt"
	"image"
	"strings"

	"shelfkeeper/assets"
)

// icons are the application's icons of the hicolor theme, by their name there.
func icons() map[string][]byte {
	out := map[string][]byte{"scalable/apps/" + appID + ".svg": []byte(iconSVG())}
	for _, px := range []int{16, 22, 24, 32, 48, 64, 128, 256, 512} {
		out[fmt.Sprintf("%dx%d/apps/%s.png", px, px, appID)] = assets.PNG(appIcon(px))
	}
	return out
}

func appIcon(px int) image.Image { return assets.Application(px) }

func iconSVG() string { return strings.TrimSpace(assets.ApplicationSVG()) + "\n" }
