//go:build !darwin && !windows && !systray

package tray

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shelfkeeper/assets"
)

// iconKind is what a desktop needs besides pixmaps.
type iconKind int

const (
	// pixmapsAlone is right for most panels. With a name they would not look at the
	// pixmaps, of which one has exactly their size.
	pixmapsAlone iconKind = iota
	// symbolicFiles are painted in the panel's own colours. Plasma does that, whose
	// panel may be dark while windows are light.
	symbolicFiles
	// pictureFiles are for the indicators of Ayatana, which draw pixmaps as a
	// broken picture.
	pictureFiles
)

// iconKindOf returns what a desktop needs.
func iconKindOf(desktop string) iconKind {
	switch strings.ToLower(strings.TrimPrefix(desktop, "X-")) {
	case "kde":
		return symbolicFiles
	case "mate", "unity", "budgie", "pantheon", "lomiri":
		return pictureFiles
	}
	return pixmapsAlone
}

// pictureSizes are those of panels, which every icon theme has folders for.
var pictureSizes = []int{16, 22, 24, 32, 48}

// iconFiles keeps icons as files, for panels that take them by name.
type iconFiles struct {
	kind    iconKind
	dir     string // the theme's
	written map[look]string
}

// newIconFiles returns what this desktop needs.
func newIconFiles() *iconFiles {
	f := &iconFiles{kind: iconKindOf(desktopName()), written: map[look]string{}}
	base := os.Getenv("XDG_RUNTIME_DIR")
	if base == "" {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			f.kind = pixmapsAlone
		}
	}
	f.dir = filepath.Join(base, "shelfkeeper", "icons") // Plasma knows the program by the last folder but one
	return f
}

// path is where the panel finds the names; "" where there are none.
func (f *iconFiles) path() string {
	if f.kind == pixmapsAlone {
		return ""
	}
	return f.dir
}

// name returns the icon's name in the theme, having written its files; "" where
// the pixmaps are to be taken. The error says why there are no files.
func (f *iconFiles) name(m assets.Mark, s assets.Scheme) (string, error) {
	if f.kind == pixmapsAlone {
		return "", nil
	}
	what := look{m, s}
	if f.kind == symbolicFiles {
		what.scheme = assets.AnyPanel // its colours are the panel's
	}
	if name, ok := f.written[what]; ok {
		return name, nil
	}
	name, err := f.write(what)
	if err != nil {
		return "", fmt.Errorf("write icons for the panel: %w", err)
	}
	f.written[what] = name
	return name, nil
}

func (f *iconFiles) write(what look) (name string, err error) {
	if err := f.put("hicolor/index.theme", themeIndex()); err != nil {
		return "", err
	}
	name = fmt.Sprintf("shelfkeeper-%v-%d", what.mark, what.scheme)
	if f.kind == symbolicFiles {
		name = fmt.Sprintf("shelfkeeper-%v-symbolic", what.mark)
		return name, f.put("hicolor/scalable/status/"+name+".svg", assets.Symbolic(what.mark))
	}
	for _, px := range pictureSizes {
		picture := assets.PNG(assets.Icon(what.mark, what.scheme, px))
		if err := f.put(fmt.Sprintf("hicolor/%[1]dx%[1]d/status/%s.png", px, name), picture); err != nil {
			return "", err
		}
	}
	return name, nil
}

// put writes a whole file: a panel may be reading.
func (f *iconFiles) put(name string, data []byte) error {
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if closing := tmp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error is the one that counts
	}
	return err
}

// themeIndex makes the folders a part of the theme hicolor, which every other
// theme falls back to.
func themeIndex() []byte {
	var head, body strings.Builder
	for _, px := range pictureSizes {
		fmt.Fprintf(&head, "%[1]dx%[1]d/status,", px)
		fmt.Fprintf(&body, "\n[%[1]dx%[1]d/status]\nSize=%[1]d\nType=Fixed\nContext=Status\n", px)
	}
	return fmt.Appendf(nil, "[Icon Theme]\nName=Hicolor\nComment=Shelfkeeper\nDirectories=%sscalable/status\n%s"+
		"\n[scalable/status]\nSize=22\nMinSize=8\nMaxSize=512\nType=Scalable\nContext=Status\n", head.String(), body.String())
}
