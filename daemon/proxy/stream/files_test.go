package stream

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]Span{
		"bytes=0-": {0, 100}, "bytes=5-9": {5, 10}, "bytes=99-": {99, 100}, "bytes=50-1000": {50, 100}, "bytes=-5": {95, 100},
		"bytes=-1000": {0, 100},
		"bytes=100-":  {}, "bytes=-0": {}, "bytes=9-5": {}, "bytes=-": {}, "bytes=": {}, "items=0-5": {}, "bytes=0-1,3-4": {},
		"bytes=+1-":                   {},
		"bytes=99999999999999999999-": {}, "bytes=1-2-3": {}, "bytes= 1-": {},
	} {
		if got, ok := parseRange([]string{text}, 100); got != want && ok || ok != (want != Span{}) {
			t.Errorf("%q: %v %v, want %v", text, got, ok, want)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("bytes=5-9", int64(100))
	f.Fuzz(func(t *testing.T, text string, total int64) {
		if total <= 0 {
			return
		}
		if part, ok := parseRange([]string{text}, total); ok && (part.From < 0 || part.From >= part.End || part.End > total) {
			t.Errorf("%q of %d: %v", text, total, part)
		}
	})
}

// What is remembered is bounded, in number and in time; the oldest goes first.
func TestFilesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var files Files
		learn := func(key string) {
			files.Learn(key+"/part", key, &http.Response{StatusCode: 200, ContentLength: 10, Header: http.Header{"Etag": {`"x"`}}},
				http.Header{"X": {"y"}})
		}
		for i := range maxFiles + 10 {
			learn(strconv.Itoa(i))
			time.Sleep(time.Second)
		}
		if len(files.known) != maxFiles || files.UnderWay("9") || !files.UnderWay("10") {
			t.Errorf("%d are known", len(files.known))
		}
		time.Sleep(fileKept)
		if files.UnderWay(strconv.Itoa(maxFiles + 9)) {
			t.Error("it is under way for ever")
		}
	})
}
