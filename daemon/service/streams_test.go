package service

import "testing"

func TestTitleIn(t *testing.T) {
	for _, c := range []struct{ desc, raw, file, want string }{
		{"a book", `{"id":"li_1","media":{"metadata":{"title":"Emma","authorName":"Jane Austen"}}}`, "42", "Emma, Jane Austen"},
		{"as the server tells it", `{"media":{"metadata":{"title":"Emma","authors":[{"id":"1","name":"Jane Austen"}]}}}`, "",
			"Emma, Jane Austen"},
		{"nobody wrote it", `{"media":{"metadata":{"title":"Emma","authorName":null}}}`, "", "Emma"},
		{"an episode", `{"media":{"metadata":{"title":"Daily","author":"X"},"episodes":[{"title":"One","audioFile":{"ino":"7"}},
			{"title":"Two","audioFile":{"ino":"8"}}]}}`, "8", "Two, Daily"},
		{"another file of a podcast", `{"media":{"metadata":{"title":"Daily","author":"X"},"episodes":[{"title":"One","audioFile":null}]}}`,
			"9", "Daily, X"},
		{"a session", `{"displayTitle":"Emma","displayAuthor":"Jane Austen","mediaMetadata":{}}`, "", "Emma, Jane Austen"},
		{"nothing", `{}`, "", ""},
		{"no title", `{"media":{"metadata":{"authorName":"Jane Austen"}}}`, "", ""},
	} {
		got, err := titleIn([]byte(c.raw), c.file)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.desc, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "<html>", "[]", `{"media":7}`} {
		if _, err := titleIn([]byte(bad), ""); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
