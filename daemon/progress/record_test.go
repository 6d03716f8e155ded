package progress

import (
	"bytes"
	"testing"

	"shelfkeeper/daemon/progress/recordlog"
)

// Whatever records are in a file, reading them ends well, and writing the file
// anew keeps what waits.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"head":{"format":"shelfkeeper listening","version":1,"user":"u"}}
{"session":{"id":"s","base":1,"known":true,"position":2,"sent":{"time":1,"position":3,"first":1,"at":2,"count":1},"seq":1,"seen":5}}
{"change":{"seq":2,"item":"a","body":{"currentTime":1},"first":1,"at":1,"count":1}}
{"change":{"seq":3,"item":"a","body":{"currentTime":2},"first":1,"at":2,"count":2},"replaces":2}
{"device":{"id":"d","info":{"deviceId":"x"}}}
{"offline":{"seq":4,"id":"o","item":"b","session":{"id":"o","libraryItemId":"b"},"device_id":"d","all":true,"first":1,"at":1,"count":1}}
{"set_aside":{"id":5,"at":"2026-11-26T14:00:00Z","why":"because"}}
{"removed":{"offline":"o"}}
{"removed":{"session":"s"}}`))
	f.Add([]byte(`{"change":{"seq":18446744073709551615,"item":"a","body":{}}}
{"change":{"seq":1,"item":"a","body":{}},"replaces":18446744073709551615}
{"change":{"seq":1,"item":"b","body":{}}}`))
	f.Add([]byte(`{"session":{"id":"s","closing":true}}
{"offline":{"seq":1,"id":"s","session":1,"device_id":"none"}}
{"device":{"id":"d","info":0}}`))
	f.Fuzz(func(t *testing.T, lines []byte) {
		l := newLoader("u")
		for i, line := range bytes.Split(lines, []byte("\n")) {
			_ = l.record(line, i)
		}
		e := l.finish(3)
		n, oldest := e.reports()
		again := newLoader("u")
		for b, err := range e.records("u", nil) {
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > recordlog.MaxRecord || bytes.ContainsRune(b, '\n') {
				t.Fatalf("%d bytes that no line can hold: %q", len(b), b)
			}
			if err := again.record(b, 0); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
		}
		f := again.finish(0)
		m, at := f.reports()
		if m != n || !at.Equal(oldest) || f.waiting() != e.waiting() || len(f.setAside) != len(e.setAside) || f.size != e.size {
			t.Fatalf("%d reports since %v in %d entries of %d bytes, then %d since %v in %d of %d",
				n, oldest, e.waiting(), e.size, m, at, f.waiting(), f.size)
		}
		owned := 0
		for _, c := range e.callers {
			owned += c.size
		}
		if owned != e.size || e.size < 0 {
			t.Fatalf("the callers have %d bytes of %d", owned, e.size)
		}
		for c := range e.changes.all() {
			if oldest := e.lines.oldestOf(c.item()); oldest == nil || oldest.Seq > c.Seq {
				t.Fatalf("update %d is not in the line of its item", c.Seq)
			}
		}
	})
}
