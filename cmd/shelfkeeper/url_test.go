package main

import (
	"strings"
	"testing"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/problem"
)

// An ebook has a cover, and no address of something to hear.
func TestNoAddressOfAnEbook(t *testing.T) {
	book := library.Item{ID: "b1", Kind: library.Book, Title: "Only Letters"}
	found := control.SearchAnswer{ProxyURL: "http://x"}
	for _, format := range []string{"m3u8", "xspf"} {
		_, err := addressOf(nil, found, book, format)
		if p := problem.Of(err); p == nil || p.Code != problem.Other || !strings.Contains(p.Text, "only to read") {
			t.Errorf("%s: %v", format, err)
		}
	}
	if address, err := addressOf(nil, found, book, "cover"); err != nil || address != "http://x/api/items/b1/cover" {
		t.Errorf("%s, %v", address, err)
	}
}
