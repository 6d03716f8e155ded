//go:build !darwin && !windows

package playback

import (
	"net/url"
	"strings"
)

// trackOf returns which of the tracks an address names; below 0 for none. Players write
// addresses in their own ways, and the local address may have a base path and a grant.
func trackOf(tracks []Track, address string) int {
	want := fileOf(address)
	if want == "" {
		return -1
	}
	for n, t := range tracks {
		if fileOf(t.URL) == want {
			return n
		}
	}
	return -1
}

// fileOf is the item and the file of an address of an audio file: "ITEM/file/INO".
func fileOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	_, file, ok := strings.Cut(u.Path, "/api/items/")
	if !ok || !strings.Contains(file, "/file/") {
		return ""
	}
	return strings.TrimSuffix(file, "/")
}

// isOf reports whether an address is that of a file of the item.
func isOf(item, address string) bool {
	return strings.HasPrefix(fileOf(address), item+"/")
}
