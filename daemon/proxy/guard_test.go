package proxy

import "testing"

func TestGuardColumnNamesItsAttacks(t *testing.T) {
	for _, g := range column {
		if len(g.attack) < 20 || g.check == nil {
			t.Errorf("guard %q", g.attack)
		}
	}
}
