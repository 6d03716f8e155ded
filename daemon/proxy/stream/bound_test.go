package stream

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestPlaysAreBounded(t *testing.T) {
	p := NewTracks()
	for i := range 3 * maxPlays {
		p.learn(fmt.Sprint(i), map[string]string{"1": "/x"})
		p.learn(fmt.Sprint(i), map[string]string{"1": "/y"})
	}
	if len(p.files) != maxPlays || len(p.order) != maxPlays {
		t.Errorf("%d, %d", len(p.files), len(p.order))
	}
	if path, _ := p.file(fmt.Sprint(3*maxPlays-1), "1"); path != "/y" {
		t.Errorf("%q", path)
	}
	r := &playReader{tracks: p, src: strings.NewReader(`{"id":"big","pad":"` + strings.Repeat("x", maxPlayBody) + `"}`)}
	for p := make([]byte, 1<<16); ; {
		if _, err := r.Read(p); err != nil {
			break
		}
	}
	if !r.large || r.kept != nil {
		t.Error("a huge answer is kept")
	}
}

func TestWhatIsLearnedOfTracks(t *testing.T) {
	for i, c := range []struct {
		desc, url, path string // "": not learned
	}{
		{"a file of the item", "/api/items/item/file/17", "/api/items/item/file/17"},
		{"under a base path", "/audiobookshelf/api/items/item/file/17", "/api/items/item/file/17"},
		{"of another item", "/api/items/other/file/17", ""},
		{"of another host", "http://evil.example/api/items/item/file/17", ""},
		{"a transcode", "/hls/s/output.m3u8", ""},
		{"another route", "/api/items/item/cover", ""},
		{"a way up", "/api/items/item/file/..", ""},
		{"an escaped slash", "/api/items/item/file/17%252f..", ""},
		{"no address", ":", ""},
	} {
		id := fmt.Sprint("s", i)
		p := NewTracks()
		answer := fmt.Sprintf(`{"id":%q,"libraryItemId":"item","audioTracks":[{"index":1,"contentUrl":%q}]}`, id, c.url)
		if _, err := io.ReadAll(p.Learn("POST", "/api/items/item/play", strings.NewReader(answer), nil)); err != nil {
			t.Fatal(err)
		}
		if got, _ := p.file(id, "1"); got != c.path {
			t.Errorf("%s: learned %q", c.desc, got)
		}
	}
}
