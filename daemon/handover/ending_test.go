package handover

import "testing"

// Of quit, restart and replace the first counts.
func TestEndingIsTheFirstOne(t *testing.T) {
	acts := map[string]func(*Ending){"quit": (*Ending).Quit, "restart": (*Ending).Restart, "replace": (*Ending).Replace}
	for first, act := range acts {
		for then, other := range acts {
			e := NewEnding()
			if e.Restarting() || e.Replacing() {
				t.Error("it has not begun")
			}
			act(e)
			other(e)
			<-e.Quitting()
			if e.Restarting() != (first == "restart") || e.Replacing() != (first == "replace") {
				t.Errorf("%s, then %s: %s", first, then, e.Why())
			}
		}
	}
}
