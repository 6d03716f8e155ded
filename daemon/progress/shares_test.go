package progress

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/progress/recordlog"
)

func batchBy(caller string, n int, prefix, more string) Report {
	return Report{Kind: Batch, Caller: caller, Header: jsonHeader,
		Body: batchOfItems(n, func(i int) string { return fmt.Sprintf("%s-%05d", prefix, i) }, more)}
}

// Whatever some callers send, another one has room: for a library, for its
// sessions, and for new states of what waits.
func TestShares(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	j := outage(t, dir)
	take := func(r Report, want error) {
		t.Helper()
		if a, err := j.Take(t.Context(), r); !errors.Is(err, want) || want == nil && !a.Kept {
			t.Fatalf("%s: %+v %v", r.Caller, a, err)
		}
	}
	take(batchBy("calm", 100, "before", `,"progress":1`), nil)
	for _, mad := range []string{"mad", "madder"} {
		for n := 4000; n > 0; n /= 2 {
			for i := 0; ; i++ {
				a, err := j.Take(t.Context(), batchBy(mad, n, fmt.Sprint(mad, n, "-", i), `,"progress":1`))
				if errors.Is(err, ErrFull) {
					break
				}
				if err != nil || !a.Kept {
					t.Fatal(err)
				}
			}
		}
		for i := range maxSessions {
			r := listened(Sync, fmt.Sprint(mad, i), 1, 1)
			r.Caller = mad
			if _, err := j.Take(t.Context(), r); err != nil && !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
		}
		take(batchBy(mad, 1, "one more", `,"progress":1`), ErrFull)
		take(batchBy(mad, 1, mad+"4000-0", `,"progress":0.123456789`), nil) // it waits already
	}
	take(batchBy("calm", 300, "books", `,"progress":1`), nil)
	take(batchBy("calm", 300, "books", `,"progress":0.987654321,"duration":5000`), nil)
	sync := listened(Sync, "calm-session", 1, 1)
	sync.Caller = "calm"
	take(sync, nil)
	take(batchBy("somebody new", 20, "new", `,"progress":1`), nil)
	if j.size > maxSize+maxGrowth {
		t.Errorf("%d bytes", j.size)
	}

	// The shares are the same after a start.
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = outage(t, dir)
	take(batchBy("mad", 1, "still one more", `,"progress":1`), ErrFull)
	take(batchBy("calm", 100, "after", `,"progress":1`), nil)
	if len(j.callers) != 4 || j.reserved != 0 {
		t.Errorf("%d callers, %d bytes reserved", len(j.callers), j.reserved)
	}
}

// What was set aside of one caller does not push out what was of another.
func TestSharesOfWhatIsSetAside(t *testing.T) {
	e := newEntries()
	put := func(by string, n int, text string) {
		for range n {
			e.putSetAside(&setAsideEntry{ID: e.nextSeq(), At: time.Now(), Why: text, By: &caller{name: by}})
		}
	}
	put("calm", 30, "why")
	put("mad", 1000, "why")
	put("large", 1000, strings.Repeat("x", 50_000))
	put("small", 3, "why")
	put("mad", 1000, "why")
	count, bytes := e.asideOfAll()
	if e.caller("calm").aside != 30 || e.caller("small").aside != 3 || e.caller("mad").aside < 100 || count > maxSetAside ||
		bytes > maxSetAsideBytes {
		t.Errorf("calm %d, small %d, mad %d, large %d; %d, %d bytes", e.caller("calm").aside, e.caller("small").aside,
			e.caller("mad").aside, e.caller("large").aside, count, bytes)
	}
	for i := range 300 {
		put(fmt.Sprint("caller", i), 10, "why")
	}
	if count, bytes = e.asideOfAll(); count > maxSetAside || bytes > maxSetAsideBytes || len(e.setAside) != count {
		t.Errorf("%d (%d), %d bytes", count, len(e.setAside), bytes)
	}
}

// A player that opens many sessions does not make the journal forget another's.
func TestManySessionsForgetNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, absfake.Newest)
		open := func(by, id string) {
			r.j.Opened(by, strings.NewReader(fmt.Sprintf(`{"id":%q,"libraryItemId":"i","timeListening":0,"currentTime":0}`, id)))
		}
		open("calm", "calm-session")
		for i := range 3 * maxIdle {
			open("mad", fmt.Sprint("mad", i))
		}
		if r.j.sessions["calm-session"] == nil || len(r.j.sessions) > maxIdle {
			t.Errorf("forgotten; %d are remembered", len(r.j.sessions))
		}
	})
}

// A batch that does not fit as a whole leaves nothing behind.
func TestBatchIsKeptAsAWholeOrNotAtAll(t *testing.T) {
	j := outage(t, filepath.Join(t.TempDir(), "home"))
	var different []string // of one item, and none makes another one superfluous
	for i := range 20_000 {
		different = append(different, fmt.Sprintf(`{"libraryItemId":"one","isFinished":true,"x":%d}`, i))
	}
	for desc, report := range map[string]Report{
		"updates of one item, each of which the server must see": {Kind: Batch, Header: jsonHeader,
			Body: []byte("[" + strings.Join(different, ",") + "]")},
		"many items, with long texts": batchBy("", 15_000, "item",
			`,"ebookLocation":"`+strings.Repeat("x", 80)+`"`),
	} {
		if _, err := j.Take(t.Context(), report); err != nil {
			t.Fatalf("%s: %v", desc, err)
		}
		size := j.Status().Waiting
		for i := 0; ; i++ { // until it is full
			next := report
			next.Body = []byte(strings.ReplaceAll(strings.ReplaceAll(string(report.Body), "item-", fmt.Sprint("item", i)), `"x":`,
				fmt.Sprint(`"y`, i, `":`)))
			before := j.Status().Waiting
			_, err := j.Take(t.Context(), next)
			if after := j.Status().Waiting; err != nil {
				if !errors.Is(err, ErrFull) || after != before {
					t.Errorf("%s: %v; %d wait, then %d", desc, err, before, after)
				}
				break
			}
			if i > 20 {
				t.Fatalf("%s: never full; %d, then %d", desc, size, j.Status().Waiting)
			}
		}
		if j.reserved != 0 {
			t.Errorf("%s: %d bytes are reserved", desc, j.reserved)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = outage(t, filepath.Join(t.TempDir(), "other"))
	}
}

// The disk gets full while a large report is written: the error tells how much of
// it is kept, and it may be sent once more.
func TestDiskFullWithinAReport(t *testing.T) {
	j := outage(t, filepath.Join(t.TempDir(), "home"))
	full := errors.New("no space left on device")
	writes := 0
	j.store.hook = func(at recordlog.Step) error {
		if at == recordlog.Half {
			if writes++; writes > 3 {
				return full
			}
		}
		return nil
	}
	report := batchBy("p", 5*chunk, "item", `,"progress":1`)
	_, err := j.Take(t.Context(), report)
	var part *PartError
	if !errors.Is(err, ErrDisk) || !errors.As(err, &part) || part.Kept != j.Status().Waiting || part.Kept == 0 || part.Of != 5*chunk {
		t.Fatalf("%v; %d wait", err, j.Status().Waiting)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("the first %d of %d", part.Kept, part.Of)) {
		t.Errorf("%v", err)
	}
	writes = -1000
	if a, err := j.Take(t.Context(), report); err != nil || !a.Kept {
		t.Fatalf("%+v %v", a, err)
	}
	if n := j.changes.len(); n != 5*chunk {
		t.Errorf("%d entries", n)
	}
}
