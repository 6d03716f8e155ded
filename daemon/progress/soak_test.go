package progress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// An hour with six players, floods of large reports, failures of every kind,
// kills, restarts of the server and a damaged file: what the server counts is
// what the players were told, and nothing grows.
func TestAnHour(t *testing.T) {
	for seed := range uint64(1) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				(&hour{r: newRig(t, absfake.Newest), chance: rand.New(rand.NewPCG(seed, 7))}).run()
			})
		})
	}
}

type hour struct {
	r        *rig
	chance   *rand.Rand
	players  [6]*told
	all      []*told
	faults   []func()
	position float64
	largest  int64 // of the file

	checked time.Time
	heap    []uint64 // bytes that are in use, every five minutes
}

func (h *hour) run() {
	r, t := h.r, h.r.t
	for end := time.Now().Add(time.Hour); time.Now().Before(end); {
		r.after(time.Duration(1+h.chance.IntN(4)) * time.Second)
		h.position++
		switch n := h.chance.IntN(100); {
		case n < 60:
			h.listen(h.chance.IntN(len(h.players)))
		case n < 66:
			fault := kinds[h.chance.IntN(len(kinds))].fault
			fault.Path, fault.Times = "/api/*", 1+h.chance.IntN(8)
			h.faults = append(h.faults, r.fake.Inject(fault))
		case n < 78:
			h.clear()
		case n < 82:
			h.flood()
		case n < 85:
			r.fake.Restart()
		case n < 87:
			r.kill()
		case n < 88:
			r.killedWith(h.damaged)
			r.begin()
		}
		if info, err := os.Stat(r.j.store.path()); err == nil {
			h.largest = max(h.largest, info.Size())
		}
		h.checkHeap()
	}
	h.clear()
	r.settled()
	for _, own := range h.all {
		if got := r.sum(own.id); !adds(got, own.sure, own.unsure) {
			t.Errorf("the server counts %v s; told %v, in doubt %v", got, own.sure, own.unsure)
		}
	}
	if n := len(r.j.sessions); n > maxIdle {
		t.Errorf("%d sessions are remembered", n)
	}
	if n := r.j.changes.len() + r.j.entries.offline.len() + len(r.j.lines) + len(r.j.latest) + len(r.j.devices); n > 0 {
		t.Errorf("%d entries are left", n)
	}
	// The double's own records fill up in the first half.
	third := len(h.heap) / 3
	before, after := slices.Max(h.heap[third:2*third]), slices.Max(h.heap[2*third:])
	t.Logf("in use: %d", h.heap)
	if after > before+before/5 || after > h.heap[0]+maxMemory {
		t.Errorf("the memory grows: %d", h.heap)
	}
	if h.largest > 2*maxSize+spareFile {
		t.Errorf("the file had %d bytes", h.largest)
	}
}

// checkHeap records how much memory is in use, with what waits at that moment.
func (h *hour) checkHeap() {
	if time.Since(h.checked) < 5*time.Minute {
		return
	}
	h.checked = time.Now()
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	h.heap = append(h.heap, now.HeapAlloc)
}

// listen lets a player begin, report or end.
func (h *hour) listen(n int) {
	r, own := h.r, h.players[n]
	if own == nil || own.ended {
		if id := r.tryPlay(r.fake.Library().Items[n].ID+"/play", fmt.Sprint("device", n)); id != "" {
			own = &told{id: id}
			h.players[n] = own
			h.all = append(h.all, own)
		}
		return
	}
	kind := Sync
	if own.ended = h.chance.IntN(30) == 0; own.ended {
		kind = End
	}
	seconds := float64(h.chance.IntN(1000)+1) / 64
	report := listened(kind, own.id, seconds, h.position)
	report.Caller = fmt.Sprint("player ", n)
	a, err := r.j.Take(context.Background(), report)
	switch {
	case err == nil && a.Status == 200:
		own.sure += seconds
	case err == nil && a.Status == 404: // the player knows that it is not counted
	default: // the floods of another one leave room
		r.t.Errorf("%+v %v", a, err)
	}
}

// flood sends a large report, as a player does that has gone mad.
func (h *hour) flood() {
	n := h.chance.IntN(1000)
	report := Report{Kind: Batch, Caller: "mad", Header: jsonHeader,
		Body: batchOfItems(2000, func(i int) string { return fmt.Sprint("i", n, i) }, `,"progress":1`)}
	if n%2 == 0 {
		report = Report{Kind: LocalAll, Caller: "mad", Header: jsonHeader, Body: localAllBody(500, 10_000)}
	}
	if a, err := h.r.j.Take(context.Background(), report); err != nil && !errors.Is(err, ErrFull) {
		h.r.t.Errorf("%+v %v", a, err)
	}
}

// damaged hits a line of which another state follows, or none that counts.
func (h *hour) damaged(b []byte) []byte {
	lines := bytes.SplitAfter(b, []byte("\n"))
	for _, line := range lines {
		if bytes.Contains(line, []byte(`"change":{`)) && bytes.Contains(line, []byte(`"progress":1`)) {
			line[30] ^= 1 // of the flood: nobody minds
			break
		}
	}
	return bytes.Join(lines, nil)
}

func (h *hour) clear() {
	for _, end := range h.faults {
		end()
	}
	h.faults = nil
}
