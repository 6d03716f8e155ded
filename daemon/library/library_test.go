package library_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/problem"
)

// Whatever a server says of an item: each text is one valid line of bounded length, each
// path is one of this item's files, and no number is beyond counting.
func FuzzItem(f *testing.F) {
	for _, s := range []string{
		`{"id":"b","mediaType":"book","media":{"metadata":{"title":"a\nb","authorName":"\u202egnp"},` +
			`"tracks":[{"ino":"../x"},{"ino":"7","duration":1e300}]}}`,
		`{"id":"b","mediaType":"podcast","media":{"episodes":[{"id":"e","publishedAt":-1,"audioFile":{"ino":"1","duration":-5}}]}}`,
		`{"id":"other"}`, `[]`, `{`, `{"id":"b","media":{"chapters":[{"title":"\u2028","start":-1}]}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		l := library.New(func(context.Context, string, string, int64) (int, []byte, error) { return 200, []byte(said), nil })
		d, err := l.Item(t.Context(), "b", "")
		if err != nil {
			return
		}
		tracks, texts := d.Tracks, []string{d.Title, d.Author, d.Series}
		for _, e := range d.Episodes {
			tracks, texts = append(tracks, e.Track), append(texts, e.Title)
		}
		for _, c := range d.Chapters {
			texts = append(texts, c.Title)
		}
		for _, track := range tracks {
			texts = append(texts, track.Title, track.MIME)
			if ino, ok := strings.CutPrefix(track.Path, "/api/items/b/file/"); !ok || !library.IsID(ino) || track.Duration < 0 ||
				track.Duration > 1e9 {
				t.Errorf("%+v", track)
			}
		}
		for _, text := range texts {
			if !utf8.ValidString(text) || len(text) > 1000 || strings.ContainsFunc(text, unicode.IsControl) ||
				strings.ContainsAny(text, "\u2028\u202e") {
				t.Errorf("%q", text)
			}
		}
	})
}

func TestAnswersThatAreNone(t *testing.T) {
	for desc, c := range map[string]struct {
		status int
		err    error
		code   problem.Code
	}{
		"not there": {404, nil, problem.Other}, "not for this user": {403, nil, problem.Other}, "broken": {500, nil, problem.Rejected},
		"away": {0, errors.New("no route"), problem.Unreachable}, "no JSON": {200, nil, problem.Other},
	} {
		l := library.New(func(context.Context, string, string, int64) (int, []byte, error) {
			return c.status, []byte("<html>"), c.err
		})
		_, err := l.Item(t.Context(), "b", "")
		if p := problem.Of(err); err == nil || p.Code != c.code || library.IsMissing(err) != (c.status == 404 || c.status == 403) {
			t.Errorf("%s: %v", desc, err)
		}
	}
}

func TestParseName(t *testing.T) {
	const id = "9775824e-199b-4825-979c-49caf3de3ec3"
	for text, want := range map[string]bool{id: true, " " + id: true, id + "/" + id: true, "li_8gch9ve09orgn4fdz8": true, "low tide": false,
		"li_x": false, id + "/../x": false, id + "/a b": false, "deadbeef": false} {
		if _, _, ok := library.ParseName(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
	// An address that a person copies names its item; in any spelling it is the server's.
	for text, want := range map[string]string{
		"http://127.0.0.1:13379/audiobookshelf/item/" + id: id, "https://abs.example.org/item/" + id + "?x=1#t": id,
		"http://127.0.0.1:1/_shelfkeeper/playlist/" + id + ".m3u8?from=place": id,
		"http://x/_shelfkeeper/playlist/" + id + "/e1.xspf":                   id + "/e1",
		"http://x/_shelfkeeper/podcast/" + id + ".rss":                        id,
		"http://x/api/items/" + id + "/file/7":                                id, "http://x/item/" + id + "/": id,
		strings.ToUpper(id): id, "http://x/item/" + strings.ToUpper(id): id,
		"http://x/item/": "", "http://x/": "", "http://x": "", "http://x/library/" + id: "", "ftp://x/item/" + id: "", "http:/item/" + id: "",
		"http://x/item/../" + id: "", "http://x/_shelfkeeper/playlist/" + id + "/": id,
	} {
		item, episode, ok := library.ParseName(text)
		if got := (library.Item{ID: item, Episode: episode}).Name(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}

// A book without a second of audio is one to read.
func TestSilent(t *testing.T) {
	for _, c := range []struct {
		item library.Item
		want bool
	}{
		{library.Item{Kind: library.Book}, true},
		{library.Item{Kind: library.Book, Duration: 0.1}, false},
		{library.Item{Kind: library.Podcast}, false},
		{library.Item{Kind: library.Episode}, false},
	} {
		if got := c.item.Silent(); got != c.want {
			t.Errorf("%+v: %v", c.item, got)
		}
	}
}
