package transfers

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	mpv  = Player{Agent: "mpv/0.35", Scope: "listen"}
	book = Media{Item, "li_1", "42"}
)

func TestMediaOf(t *testing.T) {
	for path, want := range map[string]Media{
		"/api/items/li_1/file/42":          book,
		"/api/items/li_1/file/42/download": book,
		"/API/Items/li_1/File/42":          book,
		"/api/items/li_1/download":         {Item, "li_1", ""},
		"/api/items/li_1/ebook":            {Item, "li_1", ""},
		"/public/session/s1/track/1":       {Session, "s1", ""},
		"/hls/s1/output.m3u8":              {Session, "s1", ""},
		"/feed/slug/item/e1/x.mp3":         {Feed, "slug", ""},
		"/api/items/li_1":                  {},
		"/api/items/li_1/cover":            {},
		"/api/items/li_1/play":             {},
		"/api/items":                       {},
		"/hls":                             {},
		"/feed/slug":                       {},
		"/feed/slug/cover":                 {},
		"/":                                {},
		"/hls/" + strings.Repeat("x", 200) + "/a.ts": {},
		"/public/session/s1":                         {},
		"/api/libraries/1/items/x/file/abc":          {},
	} {
		got, ok := MediaOf(strings.Split(strings.Trim(path, "/"), "/"))
		if got != want || ok != (want != Media{}) {
			t.Errorf("%s: %+v, %v", path, got, ok)
		}
	}
}

// A speed is that of the last moments, and what ended is remembered for a while.
func TestTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		r := &Registry{Changed: func() { told++ }}
		one := r.Begin(mpv, book)
		for range 40 { // 100 kB/s for 4 s
			one.Add(10_000)
			time.Sleep(100 * time.Millisecond)
		}
		list := r.List()
		if len(list) != 1 || !list[0].Now || list[0].Bytes != 400_000 || list[0].Rate < 90_000 || list[0].Rate > 110_000 {
			t.Fatalf("%+v", list)
		}
		// The player has enough for a while.
		time.Sleep(10 * time.Second)
		if list := r.List(); !list[0].Now || list[0].Rate > 20_000 {
			t.Errorf("while nothing goes: %+v", list)
		}
		// A second piece of the same file is the same transfer.
		two := r.Begin(mpv, book)
		one.End()
		two.End()
		if list := r.List(); len(list) != 1 || list[0].Now {
			t.Errorf("at the end: %+v", list)
		}
		if told != 2 {
			t.Errorf("told %d times, want at its begin and its end", told)
		}
		time.Sleep(linger + time.Second)
		if list := r.List(); len(list) != 0 {
			t.Errorf("afterwards: %+v", list)
		}
	})
}

// What brings nothing leaves nothing, and there is a bound.
func TestBounds(t *testing.T) {
	r := &Registry{}
	r.Begin(mpv, book).End()
	if list := r.List(); len(list) != 0 {
		t.Errorf("an answer without a byte stays: %+v", list)
	}
	var pieces []*Piece
	for i := range maxEntries + 10 {
		p := r.Begin(mpv, Media{Item, fmt.Sprint(i), ""})
		p.Add(1)
		pieces = append(pieces, p)
	}
	if n := len(r.List()); n != maxEntries {
		t.Errorf("%d are remembered", n)
	}
	for _, p := range pieces {
		p.End()
	}
}
