package dashboard

import (
	"context"
	"errors"
	"strings"
	"testing"

	"shelfkeeper/daemon/library"
)

func (d *double) Search(_ context.Context, _, words string) (library.Found, string, error) {
	switch words {
	case "broken":
		return library.Found{}, "", errors.New("the server does not answer")
	case "none":
		return library.Found{}, "", nil
	}
	return library.Found{Items: []library.Item{
		{ID: "b1", Kind: library.Book, Title: `<b>"Low" Tide`, Author: "Mara Quill", Duration: 600, Place: &library.Place{Seconds: 77}},
		{ID: "p1", Episode: "e1", Kind: library.Episode, Title: "Gulls"}, {ID: "p1", Kind: library.Podcast, Title: "Harbour"},
	}}, "http://127.0.0.1:13378", nil
}

func (d *double) Cover(_ context.Context, _, item string) (string, []byte, error) {
	if item != "b1" {
		return "", nil, errors.New("there is none")
	}
	return "image/jpeg", []byte("picture"), nil
}

// A form without a script finds items; nothing of a title becomes part of the page.
func TestSearch(t *testing.T) {
	w := serve(t, newDouble(someAccount()), nil)
	got := w.get("/search")
	got.has(t, `<form method="get" action="/search" role="search"`)
	if strings.Contains(got.body, "Nothing has that name") {
		t.Error("an answer to no question")
	}
	got = w.get("/search?q=tide")
	got.has(t, "&lt;b&gt;&#34;Low&#34; Tide", "<code>http://127.0.0.1:13378/_shelfkeeper/playlist/b1.m3u8</code>", "you are at 0:01:17",
		"0:10:00",
		"/_shelfkeeper/playlist/p1/e1.m3u8", "/_shelfkeeper/podcast/p1.rss", `href="/accounts/home/listen/p1~e1.m3u8"`,
		`src="/accounts/home/cover/b1"`)
	if strings.Contains(got.body, "<b>") {
		t.Error("a title is part of the page")
	}
	w.get("/search?q=none").has(t, "Nothing has that name")
	w.get("/search?q=broken").has(t, "The server does not answer")
	w.get("/search?q="+strings.Repeat("%C3%A4", 300)).has(t, "you are at")
	got = w.get("/accounts/home/listen/p1~e1.m3u8")
	if got.status != 200 || !strings.Contains(got.body, "/_shelfkeeper/playlist/p1/e1.m3u8?from=place\n") ||
		strings.Count(got.body, "\n") != 3 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got = w.get("/accounts/home/cover/b1"); got.status != 200 || got.body != "picture" ||
		got.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d %v", got.status, got.header)
	}
	for _, path := range []string{"/accounts/home/cover/x", "/accounts/home/cover/%0a", "/accounts/home/listen/b1",
		"/accounts/home/listen/a%0ab.m3u8",
		"/accounts/nobody/cover/b1", "/accounts/nobody/listen/b1.m3u8"} {
		if got := w.get(path); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}
