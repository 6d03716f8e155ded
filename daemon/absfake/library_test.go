package absfake

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
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

// Several items at once, and progress that is forgotten by its id. Early releases do not
// look whose it is.
func TestItemsAtOnceAndProgressForgotten(t *testing.T) {
	for release, unknown := range map[Release]int{R2263: 200, R2360: 404} {
		s, token := shelfServer(t, release)
		ask := func(method, path, body string) (int, string) {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, r)
			return rec.Code, rec.Body.String()
		}
		item := s.Library().Items[0].ID
		if code, body := ask("POST", "/api/items/batch/get", `{"libraryItemIds":["`+item+`","none"]}`); code != 200 ||
			strings.Count(body, `"libraryFiles"`) != 1 || !strings.Contains(body, `{"libraryItems":[{"id":"`+item+`"`) {
			t.Errorf("%s: %d %.200s", release, code, body)
		}
		for _, none := range []string{`{}`, `{"libraryItemIds":[]}`, `[]`} {
			if code, body := ask("POST", "/api/items/batch/get", none); code != 403 || body != "Invalid payload" {
				t.Errorf("%s %s: %d %s", release, none, code, body)
			}
		}
		if code, body := ask("PATCH", "/api/me/progress/"+item, `{"progress":0.5}`); code != 200 {
			t.Fatalf("%s: %d %s", release, code, body)
		}
		_, body := ask("GET", "/api/me/progress/"+item, "")
		var in struct{ ID string }
		if err := json.Unmarshal([]byte(body), &in); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{200, unknown} {
			if code, _ := ask("DELETE", "/api/me/progress/"+in.ID, ""); code != want {
				t.Errorf("%s: %d, want %d", release, code, want)
			}
		}
		if code, _ := ask("GET", "/api/me/progress/"+item, ""); code != 404 {
			t.Errorf("%s: the progress is still there: %d", release, code)
		}
	}
}
