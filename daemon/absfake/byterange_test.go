package absfake

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestParseRange(t *testing.T) {
	const size = 1000
	for _, c := range []struct {
		header  string
		want    []span
		outcome int
	}{
		{"bytes=0-99", []span{{0, 99}}, rangeFits},
		{"bytes=100-", []span{{100, 999}}, rangeFits},
		{"bytes=-100", []span{{900, 999}}, rangeFits},
		{"bytes=0-", []span{{0, 999}}, rangeFits},
		{"bytes=-1000", []span{{0, 999}}, rangeFits},
		{"bytes=-1001", nil, rangeUnsatisfiable},
		{"bytes=-0", nil, rangeUnsatisfiable},
		{"bytes=999-", []span{{999, 999}}, rangeFits},
		{"bytes=1000-", nil, rangeUnsatisfiable},
		{"bytes=990-2000", []span{{990, 999}}, rangeFits},
		{"bytes=200-100", nil, rangeUnsatisfiable},
		{"bytes=abc", nil, rangeUnsatisfiable},
		{"bytes=", nil, rangeUnsatisfiable},
		{"bytes", nil, rangeMalformed},
		{"bytes=0-9,20-29", []span{{0, 9}, {20, 29}}, rangeFits},
		{"bytes=20-29,0-9", []span{{0, 9}, {20, 29}}, rangeFits},
		{"bytes=0-9,10-19", []span{{0, 19}}, rangeFits},
		{"bytes=0-9,5-7", []span{{0, 9}}, rangeFits},
		{"bytes=0-9,5000-", []span{{0, 9}}, rangeFits},
		{"bytes=0-9x", []span{{0, 9}}, rangeFits},
		{"bytes=99999999999999999999-", nil, rangeUnsatisfiable},
		{"bytes=0-99999999999999999999", []span{{0, 999}}, rangeFits},
	} {
		got, outcome := parseRange(size, c.header)
		if outcome != c.outcome || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, %d; want %v, %d", c.header, got, outcome, c.want, c.outcome)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-99", "bytes=-5,7-", "bytes=3-1,2-9,4-4", "items=1", "bytes=--5", "bytes=9223372036854775807-"} {
		f.Add(int64(1000), seed)
	}
	f.Fuzz(func(t *testing.T, size int64, header string) {
		if size < 0 {
			return
		}
		spans, outcome := parseRange(size, header)
		if (outcome == rangeFits) != (len(spans) > 0) {
			t.Fatalf("outcome %d with %v", outcome, spans)
		}
		last := int64(-2)
		for _, s := range spans {
			if s.first < 0 || s.first > s.last || s.last >= size || s.first <= last+1 {
				t.Fatalf("%q of %d bytes: %v", header, size, spans)
			}
			last = s.last
		}
	})
}

// The whole of what a client can ask of a file, and what it gets.
func TestFileAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Large: 100_000})
		item := w.s.Library().Large()
		file := item.Files[0]
		whole, err := io.ReadAll(file.Reader())
		if err != nil || len(whole) != 100_000 {
			t.Fatal(len(whole), err)
		}
		token := w.login().access
		etag, date := fileETag(file), file.Modified.UTC().Format(http.TimeFormat)
		for _, c := range []struct {
			desc    string
			headers []string
			status  int
			from    int
			to      int
		}{
			{"whole", nil, 200, 0, 100_000},
			{"range", []string{"Range", "bytes=10-19"}, 206, 10, 20},
			{"open range", []string{"Range", "bytes=0-"}, 206, 0, 100_000},
			{"suffix", []string{"Range", "bytes=-5"}, 206, 99_995, 100_000},
			{"suffix too long", []string{"Range", "bytes=-100001"}, 416, 0, 0},
			{"several", []string{"Range", "bytes=0-1,5-6"}, 200, 0, 100_000},
			{"touching", []string{"Range", "bytes=0-1,2-6"}, 206, 0, 7},
			{"other unit", []string{"Range", "items=0-1"}, 200, 0, 100_000},
			{"If-Range holds", []string{"Range", "bytes=0-1", "If-Range", etag}, 206, 0, 2},
			{"If-Range fails", []string{"Range", "bytes=0-1", "If-Range", `W/"x"`}, 200, 0, 100_000},
			{"If-Range by date holds", []string{"Range", "bytes=0-1", "If-Range", date}, 206, 0, 2},
			{"If-Range by an older date", []string{"Range", "bytes=0-1", "If-Range", "Thu, 01 Jan 1970 00:00:00 GMT"}, 200, 0, 100_000},
			{"If-Range fails before 416", []string{"Range", "bytes=500000-", "If-Range", `W/"x"`}, 200, 0, 100_000},
			{"If-None-Match", []string{"If-None-Match", etag}, 304, 0, 0},
			{"If-None-Match of another", []string{"If-None-Match", `"x"`}, 200, 0, 100_000},
			{"If-Modified-Since", []string{"If-Modified-Since", date}, 304, 0, 0},
			{"If-Match holds", []string{"If-Match", etag}, 200, 0, 100_000},
			{"If-Match fails", []string{"If-Match", `"x"`}, 412, 0, 0},
			{"If-Unmodified-Since fails", []string{"If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"}, 412, 0, 0},
		} {
			path := "/api/items/" + item.ID + "/file/" + file.Ino
			headers := append([]string{"Authorization", "Bearer " + token}, c.headers...)
			r := w.do("GET", path, nil, headers...)
			if r.status != c.status {
				t.Errorf("%s: status %d, want %d", c.desc, r.status, c.status)
				continue
			}
			if c.status < 300 && !bytes.Equal([]byte(r.body), whole[c.from:c.to]) {
				t.Errorf("%s: %d bytes, want those from %d to %d", c.desc, len(r.body), c.from, c.to)
			}
			head := w.do("HEAD", path, nil, headers...)
			if head.status != c.status || head.body != "" {
				t.Errorf("%s: HEAD gives %d", c.desc, head.status)
			}
			for _, name := range []string{"Etag", "Content-Length", "Content-Range", "Content-Type", "Accept-Ranges", "Last-Modified",
				"Cache-Control"} {
				if r.header.Get(name) != head.header.Get(name) {
					t.Errorf("%s: %s differs between GET %q and HEAD %q", c.desc, name, r.header.Get(name), head.header.Get(name))
				}
			}
			if c.status == 416 && (r.header.Get("Content-Range") != "bytes */100000" ||
				!strings.Contains(r.body, "<pre>Range Not Satisfiable</pre>")) {
				t.Errorf("%s: %q %q", c.desc, r.header.Get("Content-Range"), r.body)
			}
			if c.status == 304 && r.header.Get("Content-Type") != "" {
				t.Errorf("%s: 304 with a type", c.desc)
			}
		}
		bad := w.do("GET", "/api/items/"+item.ID+"/file/"+file.Ino+"/download", nil, "Authorization", "Bearer "+token, "Range",
			"bytes=100000-")
		if bad.status != 500 || bad.body != "Download failed" || bad.header.Get("Content-Type") != "audio/wav; charset=utf-8" ||
			bad.header.Get("Content-Range") != "bytes */100000" {
			t.Errorf("unsatisfiable download: %d %q %v", bad.status, bad.body, bad.header)
		}
	})
}
