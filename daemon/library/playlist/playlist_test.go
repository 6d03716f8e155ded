package playlist_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/library/playlist"
)

func here(path string) string { return "http://127.0.0.1:1" + path + "?token=g" }

var book = library.Detail{
	Item: library.Item{ID: "b", Kind: library.Book, Title: "Low Tide", Author: "Mara Quill"},
	Tracks: []library.Track{
		{Path: "/api/items/b/file/1", Title: "01.mp3", Duration: 100.2},
		{Path: "/api/items/b/file/2", Title: "02.mp3", Offset: 100.2, Duration: 50},
	},
	Chapters: []library.Chapter{{Title: "One", End: 60}, {Title: "Two", Start: 60, End: 100.2}, {Title: "Three", Start: 100.2, End: 150.2}},
}

func TestM3U(t *testing.T) {
	want := `#EXTM3U
#EXTENC:UTF-8
#PLAYLIST:Low Tide
#EXTINF:101,Mara Quill - 01.mp3
#EXTALB:Low Tide
http://127.0.0.1:1/api/items/b/file/1?token=g
#EXTINF:50,Mara Quill - 02.mp3
#EXTALB:Low Tide
http://127.0.0.1:1/api/items/b/file/2?token=g
`
	if got := string(playlist.M3U(book, 0, here)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got := string(playlist.M3U(book, 110.9, here))
	if strings.Contains(got, "file/1") || !strings.Contains(got, "#EXTVLCOPT:start-time=10\nhttp") {
		t.Errorf("from a place in the second file:\n%s", got)
	}
	if got := string(playlist.M3U(book, 1e6, here)); !strings.Contains(got, "file/2") || strings.Contains(got, "start-time") {
		t.Errorf("from beyond the end:\n%s", got)
	}
}

func TestXSPFHasChapters(t *testing.T) {
	body, err := playlist.XSPF(book, 0, here)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<annotation>0:00:00 One&#xA;0:01:00 Two</annotation>", "<duration>100200</duration>",
		"<location>http://127.0.0.1:1/api/items/b/file/2?token=g</location>", `<playlist xmlns="http://xspf.org/ns/0/" version="1">`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

func TestFeedAndList(t *testing.T) {
	cast := library.Detail{Item: library.Item{ID: "p", Kind: library.Podcast, Title: "Harbour & Hour"}, Episodes: []library.Part{{
		Item:  library.Item{ID: "p", Episode: "e", Title: "<Ropes>", Author: "Harbour & Hour"},
		Track: library.Track{Path: "/api/items/p/file/9", MIME: "audio/mpeg", Size: 12, Duration: 90}, Published: 1e12,
	}}}
	feed, err := playlist.RSS(cast, here)
	list, err2 := playlist.OPML([]library.Detail{cast}, here)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, want := range []string{"<title>&lt;Ropes&gt;</title>", `<guid isPermaLink="false">e</guid>`, "<pubDate>Sun, 09 Sep 2001",
		`<enclosure url="http://127.0.0.1:1/api/items/p/file/9?token=g" length="12" type="audio/mpeg">`} {
		if !strings.Contains(string(feed), want) {
			t.Errorf("no %s in\n%s", want, feed)
		}
	}
	if !strings.Contains(string(list), `text="Harbour &amp; Hour"`) ||
		!strings.Contains(string(list), `xmlUrl="http://127.0.0.1:1/_shelfkeeper/podcast/p.rss?token=g"`) {
		t.Errorf("%s", list)
	}
}

// Titles are foreign bytes: whatever they hold, a playlist has one address a file, and
// XML stays XML with as many elements.
func FuzzTitles(f *testing.F) {
	for _, s := range []string{"plain", "two\nlines", "a\r\nhttp://evil.example/x", "]]></title>", "\x00\xff", "\u2028http://x", "a - b",
		"#EXTVLCOPT:x",
		"\u202egnp", "&amp;", "\ufffe", "\u0085http://x"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, title, author string) {
		d := book
		d.Title, d.Author = title, author
		d.Tracks = []library.Track{{Path: "/1", Title: title, Duration: 1}, {Path: "/2", Title: author, Offset: 1, Duration: 1}}
		d.Chapters = []library.Chapter{{Title: title, End: 1}, {Title: author, Start: 0.2, End: 1}}
		addresses := 0
		for line := range strings.SplitSeq(strings.TrimSuffix(string(playlist.M3U(d, 0, here)), "\n"), "\n") {
			if strings.HasPrefix(line, "http://127.0.0.1:1/") {
				addresses++
			} else if !strings.HasPrefix(line, "#EXT") && !strings.HasPrefix(line, "#PLAYLIST:") || strings.HasPrefix(line, "#EXTVLCOPT") {
				t.Errorf("line %q", line)
			}
		}
		if addresses != 2 {
			t.Errorf("%d addresses", addresses)
		}
		d.Episodes = []library.Part{{Item: library.Item{Title: title, Author: author}, About: author}}
		body, err := playlist.XSPF(d, 0, here)
		feed, err2 := playlist.RSS(d, here)
		list, err3 := playlist.OPML([]library.Detail{d, d}, here)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
		for element, doc := range map[string][]byte{"location": body, "enclosure": feed, "outline": list} {
			want := map[string]int{"location": 3, "enclosure": 1, "outline": 2}[element]
			if n := count(t, doc, element); n != want {
				t.Errorf("%d of %s in\n%s", n, element, doc)
			}
		}
	})
}

func count(t *testing.T, doc []byte, element string) (n int) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if s, ok := token.(xml.StartElement); ok && s.Name.Local == element {
			n++
		}
	}
}
