package budget

import (
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
)

func TestShare(t *testing.T) {
	for _, c := range []struct{ limit, want int }{{0, 10}, {40, 10}, {100, 25}, {16, 4}, {10, 4}, {5, 4}, {4, 3}, {2, 1}, {1, 1}} {
		if got := (spending{Limit: c.limit}).share(); got != c.want {
			t.Errorf("limit %d: share %d, want %d", c.limit, got, c.want)
		}
	}
}

func TestBudgetLearns(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	direct := absapi.Meta{Direct: true}
	b := New("")
	for range 10 {
		if wait, _ := b.Take(now); wait != 0 {
			t.Fatal("the first ten must be free")
		}
	}
	if wait, _ := b.Take(now); wait != defaultWindow+inFlight {
		t.Errorf("the eleventh waits %v", wait)
	}
	b.Learn(now, direct, false)
	if b.Wait(now) == 0 {
		t.Error("an answer that came from no limited route proves no missing limiter")
	}
	b.Learn(now, absapi.Meta{}, true)
	if b.Wait(now) == 0 {
		t.Error("a gateway may have taken the headers away")
	}
	b.Learn(now, direct, true)
	if b.Wait(now) != 0 {
		t.Error("a direct answer without headers means: no limiter")
	}
	b.Learn(now, absapi.Meta{Limit: absapi.RateLimit{Present: true, Limit: 40, Remaining: 0, Reset: 3 * time.Minute,
		Window: defaultWindow}}, true)
	if got := b.Wait(now); got < 3*time.Minute {
		t.Errorf("an empty bucket waits %v", got)
	}
}

func TestBudgetIsSharedAndSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "budget.json")
	now := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	granted := 0
	for range 4 { // as many processes as far as the file can tell
		b := New(path)
		wg.Go(func() {
			for range 6 {
				wait, err := b.Take(now)
				if err != nil {
					t.Error(err)
				}
				if wait == 0 {
					mu.Lock()
					granted++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if granted != 10 {
		t.Errorf("%d requests were granted, want the default share of 10", granted)
	}
	if New(path).Wait(now) == 0 {
		t.Error("a restart brings the allowance back")
	}
	if New(path).Wait(now.Add(-24*time.Hour)) == 0 {
		t.Error("a clock that was set back brings the allowance back")
	}
	if err := os.WriteFile(path, []byte(`{"limit":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if wait, err := New(path).Take(now); wait != 0 || err != nil {
		t.Errorf("a torn file: %v, %v", wait, err)
	}
}

// A limiter appears: what was asked before it was known counts.
func TestRequestsBeforeTheLimiterCount(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	b := New("")
	b.Learn(now, absapi.Meta{Direct: true}, true)
	for range 6 {
		if wait, err := b.Take(now); wait != 0 || err != nil {
			t.Fatalf("without a limiter: %v, %v", wait, err)
		}
	}
	b.Learn(now, absapi.Meta{Limit: absapi.RateLimit{Present: true, Limit: 10, Remaining: 4, Reset: 10 * time.Minute,
		Window: 10 * time.Minute}}, true)
	if wait, _ := b.Take(now); wait == 0 {
		t.Error("six of ten are taken, and four were our share")
	}
}

// A limit is lowered, and raised, and a pause is asked for.
func TestLimitsThatChange(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	limit := func(n int) absapi.Meta {
		return absapi.Meta{Limit: absapi.RateLimit{Present: true, Limit: n, Remaining: n - 1, Reset: time.Minute, Window: 10 * time.Minute}}
	}
	b := New("")
	for range 5 {
		if wait, _ := b.Take(now); wait != 0 {
			t.Fatal("too early")
		}
	}
	b.Learn(now, limit(10), true)
	if b.Wait(now) == 0 {
		t.Error("lowered to ten, of which four are ours")
	}
	b.Learn(now, limit(100), true)
	if wait := b.Wait(now); wait != 0 {
		t.Errorf("raised to a hundred: %v", wait)
	}
	b.Block(now, 5*time.Minute)
	if wait, _ := b.Take(now.Add(time.Minute)); wait != 4*time.Minute {
		t.Errorf("a gateway asked for five minutes: %v", wait)
	}
	b.Block(now, 1000*time.Hour)
	if wait := b.Wait(now); wait > mostBlocked {
		t.Errorf("a gateway's mistake lasts %v", wait)
	}
}

// A clock that was years ahead, with no other clock to ask: the request counts
// as made when that is noticed, and no longer.
func TestClockSetBackBlocksOneWindow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "budgets.json")
	now := time.Unix(1_800_000_000, 0)
	b := &Budgets{store: fileStore{path}, clock: noClock}
	wrong := now.Add(5 * 365 * 24 * time.Hour)
	for range 10 {
		if wait, _ := b.Of(address(t, "http://a")).Take(wrong); wait != 0 {
			t.Fatal("too early")
		}
	}
	b.Of(address(t, "http://a")).Block(wrong, time.Hour)
	if wait, _ := b.Of(address(t, "http://a")).Take(now); wait != time.Hour {
		t.Errorf("waits %v", wait)
	}
	if wait, _ := b.Of(address(t, "http://a")).Take(now.Add(mostBlocked)); wait != 0 {
		t.Errorf("after a day it waits %v", wait)
	}
}

func address(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAddressesOfOneServerShare(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		a, b string
		ids  []string // which both gave
		one  bool
	}{
		{"http://abs.home:13378", "http://ABS.home.:13378/audiobookshelf/", nil, true},
		{"http://abs.home", "https://abs.home:443", nil, true},
		{"http://127.0.0.1:13378", "http://localhost:13378", nil, true},
		{"http://[::1]:13378", "http://[::ffff:127.0.0.1]:13378", nil, true},
		{"http://0.0.0.0:13378", "http://[::]:13378", nil, true},
		{"http://127.0.0.1:13378", "http://abs.localhost:13378", nil, true},
		{"http://localhost", "http://127.0.0.2:80", nil, true},
		{"https://b\u00fccher.example", "https://xn--bcher-kva.example:443", nil, true},
		{"http://[fe80::1%25eth0]:13378", "http://[fe80::1%25wlan0]:13378", nil, true},
		{"http://localhost.example.org", "http://localhost", nil, false},
		{"http://abs.home:13378", "http://abs.home:13379", nil, false},
		{"http://abs.home:13378", "https://books.example.org", nil, false},
		{"http://abs.home:13378", "https://books.example.org", []string{"f3a06ba5-b8aa-4a89-94a0-befdd06316d9"}, true},
		{"http://abs.home:13378", "https://books.example.org", []string{"root", "usr_12", "", "lib_main"}, false},
	} {
		all := Open("")
		for _, text := range []string{c.a, c.b} {
			b := all.Of(address(t, text))
			b.Recognise(now, c.ids...)
			for range 5 {
				if wait, err := b.Take(now); wait != 0 || err != nil {
					t.Fatalf("%s: %v, %v", text, wait, err)
				}
			}
		}
		wait, _ := all.Of(address(t, c.b)).Take(now)
		if (wait > 0) != c.one {
			t.Errorf("%s and %s, ids %q: the eleventh waits %v", c.a, c.b, c.ids, wait)
		}
	}
	// What the caller knows counts before either has answered, with all names of both.
	known := Open("")
	known.Same(now, address(t, "http://nas:13378"), address(t, "http://192.168.1.5:13378"))
	known.Same(now, address(t, "http://nas.local:13378"), address(t, "http://nas:13378"))
	for _, text := range []string{"http://192.168.1.5:13378", "http://nas.local:13378"} {
		for range 5 {
			if wait, err := known.Of(address(t, text)).Take(now); wait != 0 || err != nil {
				t.Errorf("%s: %v, %v", text, wait, err)
			}
		}
	}
	if known.Of(address(t, "http://nas:13378")).Wait(now) == 0 {
		t.Error("three names of one server do not share")
	}
	// What was known of each is known of both, and the stricter holds.
	all := Open("")
	a, b := all.Of(address(t, "http://a")), all.Of(address(t, "http://b"))
	a.Learn(now, absapi.Meta{Direct: true}, true)
	b.Learn(now, absapi.Meta{Limit: absapi.RateLimit{Present: true, Limit: 10, Remaining: 9, Window: time.Minute}}, true)
	for range 4 {
		if wait, _ := a.Take(now); wait != 0 {
			t.Fatal("no limiter")
		}
	}
	for _, x := range []*Budget{a, b} {
		x.Recognise(now, "f3a06ba5-b8aa-4a89-94a0-befdd06316d9")
	}
	if a.Wait(now) == 0 || b.Wait(now) == 0 {
		t.Error("four of ten are taken by one of two addresses")
	}
}

// What runs in the background leaves the user two requests of a window, where
// four are left to bring a lost session back.
func TestBackgroundLeavesTheUserHisOwn(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct{ limit, background, user int }{{0, 8, 2}, {40, 8, 2}, {100, 23, 2}, {24, 4, 2}, {20, 4, 1}, {16,
		4, 0}, {5, 4, 0}, {4, 3, 0}, {2, 1, 0}} {
		b := New("")
		if c.limit > 0 {
			b.Learn(now, absapi.Meta{Limit: absapi.RateLimit{Present: true, Limit: c.limit, Remaining: c.limit, Window: 10 * time.Minute}}, true)
		}
		count := func(b *Budget) (n int) {
			for range 200 {
				wait, err := b.Take(now)
				if err != nil {
					t.Fatal(err)
				}
				if wait > 0 {
					break
				}
				n++
			}
			return n
		}
		if got := count(b.Background()); got != c.background {
			t.Errorf("limit %d: %d in the background, want %d", c.limit, got, c.background)
		}
		if wait := b.Background().Wait(now); wait <= 0 {
			t.Errorf("limit %d: the background waits %v", c.limit, wait)
		}
		if got := count(b); got != c.user {
			t.Errorf("limit %d: %d for the user, want %d", c.limit, got, c.user)
		}
	}
}
