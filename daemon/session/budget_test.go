package session

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absapi"
)

func TestShare(t *testing.T) {
	for _, c := range []struct{ limit, want int }{{0, 10}, {40, 10}, {100, 25}, {16, 4}, {10, 4}, {5, 4}, {4, 3}, {2, 1}, {1, 1}} {
		if got := (spending{Limit: c.limit}).share(); got != c.want {
			t.Errorf("limit %d: share %d, want %d", c.limit, got, c.want)
		}
	}
}

// Whatever the clock does and whatever limits are learned, no window of the
// server's limiter ever holds more of our requests than our share.
func TestBudgetIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{2, 10, 40, 100}).Draw(t, "limit")
		window := time.Duration(rapid.IntRange(1, 20).Draw(t, "window")) * time.Minute
		b := NewBudget("")
		now := time.Unix(1_800_000_000, 0)
		b.Learn(now, absapi.Meta{Limit: absapi.RateLimit{Present: true, Limit: limit, Remaining: limit, Window: window}}, true)
		var sent []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "pause")) * time.Second)
			wait, err := b.Take(now)
			if err != nil {
				t.Fatal(err)
			}
			if wait > 0 {
				if later, _ := b.Take(now.Add(wait)); later != 0 {
					t.Fatalf("after the announced %v it is still %v", wait, later)
				}
				now = now.Add(wait)
			}
			sent = append(sent, now)
			inWindow := 0
			for _, s := range sent {
				if now.Sub(s) < window {
					inWindow++
				}
			}
			if inWindow > max(1, min(max(4, limit/4), limit-1)) {
				t.Fatalf("%d requests within %v, limit %d", inWindow, window, limit)
			}
		}
	})
}

func TestBudgetLearns(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	direct := absapi.Meta{Direct: true}
	b := NewBudget("")
	for range 10 {
		if wait, _ := b.Take(now); wait != 0 {
			t.Fatal("the first ten must be free")
		}
	}
	if wait, _ := b.Take(now); wait != defaultWindow {
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
	b.Learn(now, absapi.Meta{Limit: absapi.RateLimit{Present: true, Limit: 40, Remaining: 0, Reset: 3 * time.Minute, Window: defaultWindow}}, true)
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
		b := NewBudget(path)
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
	if NewBudget(path).Wait(now) == 0 {
		t.Error("a restart brings the allowance back")
	}
	if NewBudget(path).Wait(now.Add(-24*time.Hour)) == 0 {
		t.Error("a clock that was set back brings the allowance back")
	}
	if err := os.WriteFile(path, []byte(`{"limit":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if wait, err := NewBudget(path).Take(now); wait != 0 || err != nil {
		t.Errorf("a torn file: %v, %v", wait, err)
	}
}
