package absfake

import (
	"bytes"
	"net/http"
	"testing"
)

func TestTracksAreWhatTheyAreSaidToBe(t *testing.T) {
	l := newLibrary(Config{Large: 1 << 20})
	if len(l.Items) != 10 || len(l.Tracks().Files) != 3 || l.Large().Size() != 1<<20 {
		t.Fatalf("%d items, %d tracks, %d bytes", len(l.Items), len(l.Tracks().Files), l.Large().Size())
	}
	for _, i := range l.Items {
		end := 0.0
		for _, c := range i.Chapters {
			if c.Start != end || c.End <= c.Start {
				t.Errorf("%s: chapter %+v after %v", i.Title, c, end)
			}
			end = c.End
		}
		if end < i.Duration()-1e-6 || end > i.Duration()+1e-6 {
			t.Errorf("%s: chapters end at %v of %v", i.Title, end, i.Duration())
		}
		for _, f := range i.Files {
			if f.Duration > 240 && f != l.Large().Files[0] || l.Item(i.ID) != i || i.File(f.Ino) != f {
				t.Errorf("%s: %+v", i.Title, f)
			}
		}
		if i.Cover != nil {
			var b bytes.Buffer
			if n, err := b.ReadFrom(i.Cover.Reader()); err != nil || n != i.Cover.Size ||
				http.DetectContentType(b.Bytes()) != "image/jpeg" {
				t.Errorf("%s: cover of %d bytes, %v", i.Title, n, err)
			}
		}
	}
}
