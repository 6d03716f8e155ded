package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// icons are the application's icon, by its size in pixels.
type icons struct {
	png map[int][]byte
	svg []byte
}

// icons lets the program draw its own icon.
func (s *source) icons(ctx context.Context, program string) (icons, error) {
	dir := filepath.Join(s.work, "icons")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return icons{}, err
	}
	if _, err := s.run(ctx, program, "icons", dir); err != nil {
		return icons{}, err
	}
	out := icons{png: map[int][]byte{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return icons{}, err
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return icons{}, err
		}
		if px, err := strconv.Atoi(strings.TrimSuffix(e.Name(), ".png")); err == nil {
			out.png[px] = data
		} else {
			out.svg = data
		}
	}
	if len(out.png) == 0 || len(out.svg) == 0 {
		return icons{}, fmt.Errorf("the program drew %d icons", len(entries))
	}
	return out, nil
}

// hicolor are the icons by their name in the theme of that name.
func (i icons) hicolor() (all []file) {
	all = append(all, file{"scalable/apps/" + appID + ".svg", 0o644, i.svg})
	for px, data := range i.png {
		all = append(all, file{fmt.Sprintf("%dx%d/apps/%s.png", px, px, appID), 0o644, data})
	}
	return all
}

// images are those that Windows wants.
func (i icons) images() (all []image.Image, err error) {
	for _, px := range []int{16, 24, 32, 48, 64, 256} {
		img, err := png.Decode(bytes.NewReader(i.png[px]))
		if err != nil {
			return nil, fmt.Errorf("the icon of %d pixels: %w", px, err)
		}
		all = append(all, img)
	}
	return all, nil
}
