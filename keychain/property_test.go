package keychain

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/redact"
)

// killed is what afterStep panics with to stop a vault in the middle.
type killed struct{ step string }

// world is one directory and one keychain, used by two processes, and what must
// be found there.
type world struct {
	files *memoryFiles
	store *faultStore
	procs [2]*Vault

	stored Record // the newest durable record; generation 0 = none yet
	clean  bool   // the last settle succeeded, and nothing may arrive late
	floor  uint64 // what the keychain alone must hold at least
	n      int
}

func (w *world) next(tombstone bool) Record {
	w.n++
	r := Record{
		Lineage: w.stored.Lineage, Generation: w.stored.Generation + 1, Account: "home", Tombstone: tombstone,
		Refresh: redact.New(fmt.Sprint("refresh", w.n)), Password: StoredPassword(redact.New("pw")),
	}
	if w.stored.Generation == 0 || w.stored.Tombstone {
		r.Lineage = fmt.Sprint("sign-in ", w.n)
	}
	return r
}

// attempt runs f and kills it after the n-th step, 0 for never.
func attempt(n int, f func() error) (err error, died bool) {
	afterStep = func(step string) {
		if n--; n == 0 {
			panic(killed{step})
		}
	}
	defer func() {
		afterStep = nil
		if p := recover(); p != nil {
			if _, ok := p.(killed); !ok {
				panic(p)
			}
			died = true
		}
	}()
	return f(), false
}

func TestAnySequenceKeepsTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{files: newMemoryFiles(), store: newFaultStore()}
		w.restart(0)
		w.restart(1)
		ctx := context.Background()
		kill := rapid.IntRange(0, 4)
		proc := rapid.IntRange(0, 1)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { w.check(t) },
			"commit": func(t *rapid.T) {
				w.commit(t, proc.Draw(t, "proc"), kill.Draw(t, "kill"), w.next(false))
			},
			"intent": func(t *rapid.T) {
				if w.stored.Generation == 0 || w.stored.Tombstone {
					t.Skip("signed out")
				}
				r := w.stored
				r.Intent = &Intent{Since: time.Unix(1e9, 0), Attempt: w.n}
				w.commit(t, proc.Draw(t, "proc"), kill.Draw(t, "kill"), r)
			},
			"stale": func(t *rapid.T) {
				r := w.stored
				if r.Generation < 2 {
					t.Skip("too new")
				}
				r.Generation, r.Tombstone = r.Generation-uint64(rapid.IntRange(0, 1).Draw(t, "back")), false
				if !w.stored.Tombstone {
					r.Lineage = "another"
				}
				if err := w.procs[0].Commit(ctx, r); !errors.Is(err, ErrStale) {
					t.Fatalf("a stale record gives %v", err)
				}
			},
			"settle": func(t *rapid.T) {
				i, f := proc.Draw(t, "proc"), rapid.SampledFrom(faults).Draw(t, "fault")
				w.store.be(f)
				err, died := attempt(kill.Draw(t, "kill"), func() error { return w.procs[i].Settle(ctx, "home") })
				w.store.be(works)
				if died {
					w.restart(i)
				}
				if err != nil && !errors.Is(err, ErrSlotPending) {
					t.Fatal(err)
				}
				w.clean = err == nil && !died && len(w.store.late) == 0 && w.stored.Generation > 0
				if w.clean {
					w.floor = w.stored.Generation
				}
			},
			"forget": func(t *rapid.T) {
				i, f := proc.Draw(t, "proc"), rapid.SampledFrom(faults).Draw(t, "fault")
				before := w.stored
				w.store.be(f)
				err, died := attempt(kill.Draw(t, "kill"), func() error { return w.procs[i].Forget(ctx, "home") })
				w.store.be(works)
				if died {
					w.restart(i)
				}
				w.adopt(t)
				if !died && (err == nil || errors.Is(err, ErrSlotPending)) && before.Generation > 0 && !w.stored.Tombstone {
					t.Fatalf("forget says %v, and %+v is still there", err, w.stored)
				}
				if w.stored.Tombstone && !before.Tombstone && w.stored.Generation != before.Generation+1 {
					t.Fatalf("generation %d is buried under %d", before.Generation, w.stored.Generation)
				}
				w.clean = err == nil && !died && len(w.store.late) == 0 && w.stored.Generation > 0
			},
			"late writes arrive": func(*rapid.T) {
				w.clean = w.clean && len(w.store.late) == 0
				if len(w.store.late) > 0 {
					w.floor = 0 // an older generation may overwrite a newer one; the journal has it
				}
				w.store.arrive()
			},
			"restart": func(t *rapid.T) { w.restart(proc.Draw(t, "proc")) },
			"start while locked": func(t *rapid.T) {
				v := vaultOn(w.files, w.store)
				w.store.be(locked)
				_, err := v.Load(ctx, "home")
				w.store.be(works)
				if !errors.Is(err, ErrLocked) || errors.Is(err, ErrNotFound) || !errors.Is(v.condition(), ErrLocked) {
					t.Fatalf("a locked keychain gives %v, condition %v", err, v.condition())
				}
			},
		})
	})
}

func (w *world) restart(i int) { w.procs[i] = vaultOn(w.files, w.store) }

func (w *world) commit(t *rapid.T, i, kill int, r Record) {
	err, died := attempt(kill, func() error { return w.procs[i].Commit(context.Background(), r) })
	switch {
	case died:
		w.restart(i)
		before := w.stored
		w.adopt(t)
		if !sameRecord(w.stored, before) && !sameRecord(w.stored, r) {
			t.Fatalf("after a kill %+v, neither %+v nor %+v", w.stored, before, r)
		}
	case err != nil:
		t.Fatal(err)
	default:
		w.stored = r
	}
	w.clean = false
}

// adopt takes what a fresh process finds for what must be found from now on; it
// may not be older than what was promised.
func (w *world) adopt(t *rapid.T) {
	found, err := vaultOn(w.files, w.store.clone()).LoadAny(context.Background(), "home")
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if found.Generation < w.stored.Generation {
		t.Fatalf("went back from generation %d to %d", w.stored.Generation, found.Generation)
	}
	w.stored = found
}

func (w *world) check(t *rapid.T) {
	ctx := context.Background()
	vaults := []*Vault{w.procs[0], w.procs[1], vaultOn(w.files, w.store.clone())}
	for i, v := range vaults {
		got, err := v.LoadAny(ctx, "home")
		if w.stored.Generation == 0 {
			if !errors.Is(err, ErrNotFound) {
				t.Fatalf("vault %d: want nothing, got %+v, %v", i, got, err)
			}
			continue
		}
		if err != nil || !sameRecord(got, w.stored) {
			t.Fatalf("vault %d: got %+v, %v; want %+v", i, got, err, w.stored)
		}
		if _, err := v.Load(ctx, "home"); w.stored.Tombstone != errors.Is(err, ErrNotFound) {
			t.Fatalf("vault %d: tombstone %v loads as %v", i, w.stored.Tombstone, err)
		}
		if next, err := v.nextGeneration(ctx, "home"); err != nil || next != w.stored.Generation+1 {
			t.Fatalf("vault %d: next generation %d, %v", i, next, err)
		}
	}
	w.checkSlots(t)
}

// checkSlots looks at the keychain alone, as after the loss of the directory.
func (w *world) checkSlots(t *rapid.T) {
	got, err := vaultOn(newMemoryFiles(), w.store.clone()).LoadAny(context.Background(), "home")
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if got.Generation > w.stored.Generation {
		t.Fatalf("the keychain is ahead of the journal: %+v", got)
	}
	if got.Generation < w.floor {
		t.Fatalf("the keychain alone went back from generation %d to %d", w.floor, got.Generation)
	}
	if !w.clean {
		return
	}
	got.Intent = nil
	want := w.stored
	want.Intent = nil
	if !sameRecord(got, want) {
		t.Fatalf("settled, and the keychain has %+v, not %+v", got, want)
	}
	if w.stored.Tombstone {
		for item, value := range w.store.items {
			if e, err := decodeRecord(value, "home"); err == nil && !e.Refresh.IsEmpty() {
				t.Fatalf("signed out, and %s still holds a token", item)
			}
		}
	}
}
