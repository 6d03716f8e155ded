package machine

import (
	"testing"
	"time"

	"shelfkeeper/keychain"
)

// slotWrites returns how many writes of a slot are asked for.
func slotWrites(effects []Effect) (n int) {
	for _, e := range effects {
		if _, ok := e.(Settle); ok {
			n++
		}
	}
	return n
}

// A write that hung or was refused may have raised a dialog. No further one is
// raised until the keychain has changed or the user acts; where a keychain says
// nothing of its changes, it is tried again.
func TestARefusedWriteRaisesNoSecondDialog(t *testing.T) {
	for _, c := range []struct {
		desc    string
		err     error
		signals bool
		held    bool
	}{
		{"hung", keychain.ErrHanging, true, true},
		{"refused", keychain.ErrDenied, true, true},
		{"locked, which raises nothing", keychain.ErrLocked, true, false},
		{"gone", keychain.ErrAbsent, true, false},
		{"hung, without signals", keychain.ErrHanging, false, false},
	} {
		s := State{Phase: Fresh, Signals: c.signals, Record: keychain.Record{Generation: 3}, Published: Published{Generation: 3},
			Clocks: Clocks{RotateAt: noon.Add(24 * time.Hour), UsableUntil: noon.Add(25 * time.Hour)}, Slot: Slot{Settling: true}}
		s.Published.Pair.Access.Secret = jwtOf("access", "1", noon, 25*time.Hour)
		now := noon
		step := func(after time.Duration, f Fact) int {
			now = now.Add(after)
			var effects []Effect
			s, effects = Next(s, Event{At: now, Jitter: 0.5, Fact: f})
			return slotWrites(effects)
		}
		step(0, SettleFailed{Err: c.err})
		want := 1
		if c.held {
			want = 0
		}
		if n := step(time.Hour, Due{}); n != want {
			t.Errorf("%s: an hour later %d writes", c.desc, n)
			continue
		}
		if !c.held {
			continue
		}
		if n := step(time.Hour, Woken{}); n != 0 {
			t.Errorf("%s: a change of the network: %d writes", c.desc, n)
		}
		if n := step(time.Minute, VaultChanged{}); n != 1 {
			t.Errorf("%s: the keychain has changed: %d writes", c.desc, n)
		}
		if n := step(time.Minute, Settled{Generation: 3}); n != 0 || s.Slot.Held || s.Slot.Trouble != nil {
			t.Errorf("%s: written: %+v", c.desc, s.Slot)
		}
	}
}

// What the keychain says wakes what waits for it, and nothing else.
func TestAChangeOfTheKeychainWakesWhatWaits(t *testing.T) {
	s := State{Phase: VaultUnavailable, Signals: true, Trouble: keychain.ErrLocked, Pauses: Pauses{BackoffUntil: noon.Add(time.Minute)}}
	s, effects := Next(s, Event{At: noon, Jitter: 0.5, Fact: VaultChanged{}})
	if s.Step != Opening || len(effects) == 0 {
		t.Errorf("locked: %v, %v", s.Describe(), effects)
	}
	s = State{Phase: Offline, Signals: true, Record: keychain.Record{Generation: 3}, Slot: Slot{Settled: 3},
		Pauses: Pauses{BackoffUntil: noon.Add(time.Minute)}}
	if s, effects = Next(s, Event{At: noon, Jitter: 0.5, Fact: VaultChanged{}}); len(effects) != 0 || s.Busy() {
		t.Errorf("the server is away: %v, %v", s.Describe(), effects)
	}
}
