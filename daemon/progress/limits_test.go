package progress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// heapPeak is how much more memory the heap takes at its peak than now, until stop
// is called.
func heapPeak() (stop func() (peak uint64)) {
	debug.FreeOSMemory()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticks := time.NewTicker(time.Millisecond)
		defer ticks.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			if now.HeapInuse > before.HeapInuse {
				peak = max(peak, now.HeapInuse-before.HeapInuse)
			}
			select {
			case <-done:
				return
			case <-ticks.C:
			}
		}
	})
	return func() uint64 {
		close(done)
		wg.Wait()
		return peak
	}
}

// maxMemory is the most by which anything that a player sends may let the daemon
// grow.
const maxMemory = 20 << 20

func batchOfItems(n int, item func(int) string, more string) []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"libraryItemId":%q%s}`, item(i), more)
	}
	b.WriteByte(']')
	return []byte(b.String())
}

func localAllBody(n, deviceBytes int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"deviceInfo":{"deviceId":"phone","x":%q},"sessions":[`, strings.Repeat("x", deviceBytes))
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"s%d","libraryItemId":"i%d","timeListening":%d}`, i, i, i)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// repeats is how often each report comes.
const repeats = 2

// Whatever one report is, and however often it comes: memory and time are
// bounded, others are not kept waiting, and what fits is kept.
func TestLargeReports(t *testing.T) {
	short := func(i int) string { return fmt.Sprint("i", i) }
	long := func(i int) string { return fmt.Sprintf("86a33fcc-28d2-4e3c-91af-%012d", i) }
	for _, c := range []struct {
		desc string
		kind Kind
		body []byte
		kept int // reports that wait afterwards; -1: it does not fit
	}{
		{"48,000 items", Batch, batchOfItems(48_000, short, ""), -1},
		{"every book of a library of 5,000", Batch, batchOfItems(5000, long, `,"isFinished":true`), 5000},
		{"as many real items as a body holds", Batch, batchOfItems(23_000, long, `,"isFinished":true`), 23_000},
		{"40,000 times one item", Batch, batchOfItems(40_000, func(int) string { return "one" }, `,"progress":0.5`), 40_000},
		{"10,000 times one item, finished", Batch, batchOfItems(10_000, func(int) string { return "one" }, `,"isFinished":true`), 10_000},
		{"30 items of 60 kB", Batch, batchOfItems(30, long, `,"ebookLocation":"`+strings.Repeat("y", 60_000)+`"`), 30},
		{"one of 70 kB among others", Batch, []byte(`[{"libraryItemId":"a","progress":1},{"libraryItemId":"b","ebookLocation":"` +
			strings.Repeat("y", 70_000) + `"}]`), -2},
		{"4,000 sessions of a device of 1 MB", LocalAll, localAllBody(4000, 1<<20), 4000},
		{"20,000 sessions", LocalAll, localAllBody(20_000, 10), 20_000},
		{"a device of 2 MB", LocalAll, localAllBody(1, 2<<20-200), 1},
		{"nothing but commas", Batch, []byte("[" + strings.Repeat("0,", 1_000_000) + "0]"), -1},
		{"one session, and nothing else that could be one", LocalAll, []byte(`{"sessions":[{"id":"a","libraryItemId":"b"}` +
			strings.Repeat(",0", 500_000) + "]}"), -1},
		{"many that are none", LocalAll, []byte(`{"sessions":[{"id":"a","libraryItemId":"b"}` + strings.Repeat(",0", 40_000) + "]}"), 1},
		{"nothing but brackets", Batch, []byte(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), -2},
	} {
		t.Run(c.desc, func(t *testing.T) {
			if int64(len(c.body)) > c.kind.MaxBody() {
				t.Fatalf("%d bytes: the proxy would not bring it", len(c.body))
			}
			j := outage(t, filepath.Join(t.TempDir(), "home"))
			peak := heapPeak()
			slowest := make(chan time.Duration, 1)
			done := make(chan struct{})
			go func() { // what others notice meanwhile
				var worst time.Duration
				for {
					began := time.Now()
					_ = j.Status()
					worst = max(worst, time.Since(began))
					select {
					case <-done:
						slowest <- worst
						return
					case <-time.After(time.Millisecond):
					}
				}
			}()
			began := time.Now()
			for range repeats { // impatient players repeat it
				release, err := j.Reserve(t.Context(), int64(len(c.body)))
				if err != nil {
					t.Fatal(err)
				}
				a, err := j.Take(t.Context(), Report{Kind: c.kind, Body: c.body, Header: jsonHeader})
				release()
				switch {
				case c.kept == -1 && !errors.Is(err, ErrFull), c.kept == -2 && !errors.Is(err, ErrNotOurs), c.kept > 0 && (err != nil || !a.Kept):
					t.Fatalf("%d: %v", a.Status, err)
				}
			}
			took := time.Since(began)
			close(done)
			worst, grown := <-slowest, peak()
			t.Logf("%d bytes: %v, status within %v, %.1f MB", len(c.body), took, worst, float64(grown)/(1<<20))
			if grown > maxMemory || took > time.Minute || worst > time.Second {
				t.Errorf("%d bytes: %v, status within %v, %.1f MB", len(c.body), took, worst, float64(grown)/(1<<20))
			}
			if n := j.Status().Waiting; n != max(0, repeats*c.kept) {
				t.Errorf("%d reports wait, want %d", n, max(0, repeats*c.kept))
			}
		})
	}
}

// Many players at once: their bodies wait for each other, small ones do not.
func TestManyLargeReportsAtOnce(t *testing.T) {
	j := outage(t, filepath.Join(t.TempDir(), "home"))
	peak := heapPeak()
	var wg sync.WaitGroup
	var full, kept atomic.Int64
	for n := range 4 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			const size = 2 << 20
			release, err := j.Reserve(ctx, size)
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			body := batchOfItems(20_000, func(i int) string { return fmt.Sprintf("item-%02d-%d-of-a-library", n, i) }, `,"isFinished":true`)
			switch _, err := j.Take(ctx, Report{Kind: Batch, Body: body, Header: jsonHeader}); {
			case err == nil:
				kept.Add(1)
			case errors.Is(err, ErrFull):
				full.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	for i := range 20 {
		began := time.Now()
		release, err := j.Reserve(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Take(t.Context(), listened(Sync, fmt.Sprint("session", i), 10, 10)); err != nil && !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		release()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a small report waits %v", took)
		}
	}
	wg.Wait()
	if grown := peak(); grown > maxMemory || kept.Load() != 1 || full.Load() != 3 {
		t.Errorf("%.1f MB, %d kept, %d full", float64(grown)/(1<<20), kept.Load(), full.Load())
	}
}

// What was kept in a long outage goes to the server in time that grows with its
// number alone, and leaves nothing behind.
func TestLargeDelivery(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		body []byte
		most int64 // requests; a few more where the server comes back between two attempts
	}{
		{Batch, batchOfItems(4000, func(i int) string { return fmt.Sprint("item", i) }, `,"isFinished":true`), 4000 / 2},
		{LocalAll, localAllBody(10_000, 100_000), 10_000/groupEntries + 8},
	} {
		dir := filepath.Join(t.TempDir(), "home")
		j, server := outageOf(t, dir)
		if a, err := j.Take(t.Context(), Report{Kind: c.kind, Body: c.body, Header: jsonHeader}); err != nil || !a.Kept {
			t.Fatal(err)
		}
		peak := heapPeak()
		server.back.Store(true)
		began := time.Now()
		for s := j.Status(); s.Waiting > 0; s = j.Status() {
			changed := j.Changed()
			j.Wake()
			select {
			case <-changed:
			case <-time.After(time.Minute):
				t.Fatalf("%+v", j.Status())
			}
		}
		took, grown, spent := time.Since(began), peak(), time.Duration(server.spent.Load())
		t.Logf("%d bytes: %v, of which the server took %v, %d requests, %.1f MB", len(c.body), took, spent, server.asked.Load(),
			float64(grown)/(1<<20))
		if took > time.Minute+9*spent || grown > maxMemory || server.asked.Load() > c.most {
			t.Errorf("%d bytes: %v, %d requests, %.1f MB", len(c.body), took, server.asked.Load(), float64(grown)/(1<<20))
		}
		if j.size != 0 || len(j.lines) != 0 || len(j.latest) != 0 || len(j.devices) != 0 {
			t.Errorf("%d bytes, %d, %d, %d entries are left", j.size, len(j.lines), len(j.latest), len(j.devices))
		}
	}
}

// A start with all that can wait reads it in bounded memory, too.
func TestLargeStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	body := batchOfItems(23_000, func(i int) string { return fmt.Sprintf("86a33fcc-28d2-4e3c-91af-%012d", i) }, `,"isFinished":true`)
	j := outage(t, dir)
	if a, err := j.Take(t.Context(), Report{Kind: Batch, Body: body, Header: jsonHeader}); err != nil || !a.Kept {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	body = nil
	peak := heapPeak()
	began := time.Now()
	again := outage(t, dir)
	took, grown := time.Since(began), peak()
	t.Logf("%v, %.1f MB", took, float64(grown)/(1<<20))
	if n := again.Status().Waiting; n != 23_000 || took > time.Minute || grown > maxMemory {
		t.Errorf("%d wait, %v, %.1f MB", n, took, float64(grown)/(1<<20))
	}
}

// A report about thousands of items that the server does not know does not fill
// the log.
func TestFewLinesAboutWhatIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.RotatingReleases()[0])
		var lines strings.Builder
		r.j.log = slog.New(slog.NewTextHandler(&lines, nil))
		up := r.down()
		items := make([]string, 40)
		for i := range items {
			items[i] = fmt.Sprintf(`{"libraryItemId":"unknown-%d","currentTime":1}`, i)
		}
		if a := r.take(Report{Kind: Batch, Body: []byte("[" + strings.Join(items, ",") + "]")}); !a.Kept {
			t.Fatalf("%+v", a)
		}
		up()
		r.settled()
		if n := len(r.j.entries.setAside); n != len(items) {
			t.Errorf("%d are set aside", n)
		}
		if n := strings.Count(lines.String(), "was set aside"); n == 0 || n > 2*setAsideLines {
			t.Errorf("%d lines", n)
		}
	})
}
