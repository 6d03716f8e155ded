package proxy

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// An account may have nothing but the token that never expires. The web client
// sends whoever has such a one to its sign-in page; what it holds is ours.
func TestUserOfAnOldToken(t *testing.T) {
	const in = `{"user":{"token":"x","isOldToken":true,"bookmarks":[{"title":"\"isOldToken\":true"}]}}`
	const young = `{"user":{"token":"x","isOldToken":false,"bookmarks":[{"title":"\"isOldToken\":true"}]}}`
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/api/authorize", young},
		{"POST", "/audiobookshelf/API/authorize/", young},
		{"GET", "/api/me", young},
		{"GET", "/api/items/1", in},
	} {
		w := newWorld(t, text("application/json; charset=utf-8", in))
		a := w.do(c.method, c.path, "Authorization", "Bearer "+grant)
		if a.StatusCode != 200 || a.body != c.want {
			t.Errorf("%s %s: %s %s", c.method, c.path, a.Status, a.body)
		}
	}
}

func TestOldTokenInPieces(t *testing.T) {
	in := strings.Repeat(`{"isOldToken":true,"isOldToken":false,"isOldToken":"isOld`, 2000)
	want := strings.ReplaceAll(in, string(oldToken), string(youngToken))
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)),
		"halves": iotest.HalfReader(strings.NewReader(in)), "with the end": iotest.DataErrReader(strings.NewReader(in)),
	} {
		if got, err := io.ReadAll(&youth{src: r}); err != nil || string(got) != want {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(want), err)
		}
	}
	if _, err := io.ReadAll(&youth{src: iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(in)))}); err == nil {
		t.Error("a body that broke off looks whole")
	}
}
