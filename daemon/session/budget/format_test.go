package budget

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
)

func keptAt(t *testing.T, content string) (path string, b *Budget) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "budgets.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, Open(path).Of(&url.URL{Scheme: "http", Host: "abs.home:13378"})
}

// The first format named no version. What it counted still counts, and the next write
// names one.
func TestBudgetWithoutAVersionIsRead(t *testing.T) {
	now := time.Now()
	at := now.Add(-time.Minute).UTC().Format(time.RFC3339Nano)
	path, b := keptAt(t, `{"servers":[{"names":["abs.home 13378"],"limit":8,"window":600000000000,"spent":["`+at+`","`+at+`","`+at+`"]}],`+
		`"clock":{"wall":"`+at+`","up":0,"boot":""}}`)
	for _, want := range []int{3, 4} { // as it was left, and as it is written now
		if seen := b.Seen(); seen.Limit != 8 || len(seen.Spent) != want {
			t.Fatalf("seen %+v, want %d requests", seen, want)
		}
		wait, err := b.Take(now)
		if err != nil || (wait > 0) != (want == 4) {
			t.Errorf("after %d requests: wait %v, %v", want, wait, err)
		}
		if data, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(data), `{"version":1,`) {
			t.Errorf("%s, %v", data, err)
		}
		b = Open(path).Of(&url.URL{Scheme: "http", Host: "abs.home:13378"})
	}
}

// What a newer version has counted stays as it is, and nothing is asked of a server: it
// could not be counted.
func TestBudgetOfANewerVersionIsLeftAlone(t *testing.T) {
	for _, newer := range []string{`{"version":2}`, `{"servers":{"abs.home":7},"clock":"noon","version":99}`} {
		path, b := keptAt(t, newer)
		now, base := time.Now(), &url.URL{Scheme: "http", Host: "abs.home:13378"}
		asked := false
		_, failure := SpendInTurn(t.Context(), b, With(nil), func(_ context.Context, _ *absapi.Client) (absapi.Answer, error) {
			asked = true
			return absapi.Answer{}, nil
		})
		if asked || failure == nil || !errors.Is(failure, ErrNewer) || failure.Op != Counting || !failure.Unwritten || failure.Status != 0 ||
			failure.Remedy != "start the newer version; nothing was changed" || !strings.Contains(failure.Error(), path) {
			t.Errorf("%s: asked %v: %+v", newer, asked, failure)
		}
		b.Learn(now, absapi.Meta{Direct: true}, true)
		b.Block(now, time.Hour)
		b.Recognise(now, "f3a06ba5-b8aa-4a89-94a0-befdd06316d9")
		b.Released(now, "2.36.0")
		b.all.Same(now, base, &url.URL{Scheme: "http", Host: "10.0.0.2"})
		if b.Room(now, 1) || b.Unlimited() || b.Wait(now) != 0 {
			t.Errorf("%s: room %v, unlimited %v, wait %v", newer, b.Room(now, 1), b.Unlimited(), b.Wait(now))
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != newer {
			t.Errorf("it is %s now, and was %s: %v", data, newer, err)
		}
	}
}

// A damaged count is no newer version's, and the careful assumption replaces it.
func TestDamagedBudgetIsReplaced(t *testing.T) {
	for _, damaged := range []string{"", "{", "[]", "null", `{"version":"2"}`, `{"version":1,"servers":7}`} {
		path, b := keptAt(t, damaged)
		if wait, err := b.Take(time.Now()); wait != 0 || err != nil {
			t.Errorf("%s: %v, %v", damaged, wait, err)
		}
		if seen := Open(path).Of(&url.URL{Scheme: "http", Host: "abs.home:13378"}).Seen(); len(seen.Spent) != 1 {
			t.Errorf("%s: %+v", damaged, seen)
		}
	}
}
