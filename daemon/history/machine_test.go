package history

import (
	"testing"
	"time"
)

// What happens to the machine is on record, tells nothing about a session, and
// gives way first.
func TestMachine(t *testing.T) {
	l, err := Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	l.Add(Entry{At: noon, Kind: Refresh, Outcome: Renewed})
	l.Add(Sleep(noon.Add(9*time.Hour), 8*time.Hour))
	l.Add(Sleep(noon.Add(20*time.Hour), 8*time.Hour))
	l.Add(Move(noon.Add(20*time.Hour), false))
	l.Add(Move(noon.Add(21*time.Hour), true))
	for i := range 5 { // at the edge of a network
		l.Add(Move(noon.Add(21*time.Hour+time.Duration(i)*time.Minute), true))
	}
	l.Add(Move(noon.Add(23*time.Hour), true))
	got := l.Entries()
	if len(got) != 6 || !got[1].At.Equal(noon.Add(time.Hour)) || !got[1].Until.Equal(noon.Add(9*time.Hour)) || got[1].Count != 0 ||
		got[3].Evidence != "no network" || got[4].Count != 5 || !got[4].Until.Equal(noon.Add(21*time.Hour+4*time.Minute)) {
		t.Errorf("%+v", got)
	}
	lost := append(got, at(30, Lost, 2, 0))
	if d, ok := Diagnose(lost, Circumstances{}); !ok || !d.At.Equal(noon.Add(30*time.Hour)) {
		t.Errorf("a loss after it: %+v", d)
	}
	if _, ok := Diagnose(got, Circumstances{}); ok {
		t.Error("a sleep is a loss")
	}
	for i := range 2 * maxEntries {
		l.Add(Move(noon.Add(time.Duration(24+i)*time.Hour), true))
	}
	if got := l.Entries(); len(got) != maxEntries || got[0].Outcome != Renewed {
		t.Errorf("%d are left, the first %+v", len(got), got[0])
	}
}
